import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeGraph, makeModel, makeTensor, makeValueInfo } from '../../../runtime/onnx/make.ts';
import { encodeModel } from '../../../runtime/onnx/proto.ts';
import { cacheFolder } from './cache.ts';
import { Exporter } from './exporter.ts';

/** The path of a model of many small linear layers with a tanh behind each: three nodes a layer. It takes an input `x`. */
export function longChain(layers: number, width: number): string {
  const path = join(cacheFolder(), `chain-${layers}-${width}.onnx`);
  if (!existsSync(path)) writeFileSync(path, encodeModel(chain(layers, width)));
  return path;
}

function chain(layers: number, width: number) {
  const exporter = new Exporter();
  const numbers = (length: number, layer: number) =>
    Array.from({ length }, (_, i) => Math.sin(layer * 31 + i * 7) / Math.sqrt(width));
  const initializer = Array.from({ length: layers }, (_, layer) => [
    makeTensor(`layers.${layer}.weight`, 'float32', numbers(width * width, layer), [width, width]),
    makeTensor(`layers.${layer}.bias`, 'float32', numbers(width, layer), [width]),
  ]).flat();
  let last = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const scope = exporter.scope(`/layers.${layer}`);
    const product = scope.op('MatMul', [last, `layers.${layer}.weight`]);
    last = scope.op('Tanh', [scope.op('Add', [product, `layers.${layer}.bias`])]);
  }
  const [x, y] = ['x', last].map((name) => makeValueInfo(name, 'float32', ['batch', width]));
  return makeModel(makeGraph('chain', exporter.nodes, [x!], [y!], initializer));
}
