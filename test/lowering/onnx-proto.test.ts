import { fileURLToPath } from 'node:url';
import { save } from 'onnsight';
import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { ModuleEnvoy } from '../../runtime/api/module-envoy.ts';
import { Tracing } from '../../runtime/api/tracing.ts';
import type { Shapes } from '../../runtime/api/typed-model.ts';
import { Engine } from '../../runtime/execution/engine.ts';
import { lower } from '../../runtime/lowering/lower.ts';
import { decodeModel } from '../../runtime/onnx/proto.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { inferTypes } from '../../runtime/shapes/infer.ts';
import { inner } from '../../runtime/tracing/hidden.ts';
import '../../runtime/operators/members.ts';
import { withBuilder } from '../../runtime/tracing/builder.ts';
import type { SavedProxy } from '../../runtime/tracing/saves.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/zoo/${name}`, import.meta.url));

/** What the runtime writes for a block with a write, a condition and a loop. */
async function written(file: string): Promise<Uint8Array> {
  const model = await readModel(fixture(file));
  const map = new ModelMap(model);
  const dims = { x: [2, 5] };
  const types = await inferTypes(model, dims);
  const tracing = new Tracing();
  const target = tracing.builder;
  const shapes: Shapes = { type: (tensor) => types.get(tensor), batching: () => 'none' };
  const forward = tracing.forwards.open({ map, engine: new Engine(model, 'cpu', map.locate) }, shapes, new Map());
  // biome-ignore lint/suspicious/noExplicitAny: the module tree of this model is not known to the type checker.
  const root = new ModuleEnvoy(map, '').proxy as any;
  withBuilder(target, () => {
    const build = () => {
      'use trace';
      let total = 0;
      for (const row of root.layer1.output) {
        if (row.sum() > 0) total += row.norm();
      }
      root.layer1.output[':, 0'] = total;
      return save(root.layer2.output);
    };
    const saved = target.inForward(forward, build) as SavedProxy;
    target.saves.settle(target.region);
    target.graph.saves.push({ name: 'saved', value: saved[inner].value() });
    tracing.closeForwards();
  });
  return lower(model, target.graph, map.locate).bytes;
}

describe.each(['mlp.ts.onnx', 'mlp.dynamo.onnx'])('%s', (file) => {
  it('is read equally by onnx-proto', async () => {
    const bytes = await written(file);
    const ours = decodeModel(bytes).graph!;
    const theirs = onnxProto.onnx.ModelProto.decode(bytes).graph!;
    const names = (items: readonly { name?: string | null }[]) => items.map(({ name }) => name ?? '');
    expect(theirs.node!.map(({ opType, input, output, name }) => ({ opType, input, output, name }))).toEqual(
      ours.node.map(({ opType, input, output, name }) => ({ opType, input, output, name })),
    );
    expect(names(theirs.input!)).toEqual(names(ours.input));
    expect(names(theirs.output!)).toEqual(names(ours.output));
    expect(theirs.initializer!.map(({ name, dims }) => [name, dims!.map(Number)])).toEqual(
      ours.initializer.map(({ name, dims }) => [name, dims.map(Number)]),
    );
    const body = (graph: typeof ours | typeof theirs, op: string, attribute: string) =>
      graph.node!.find(({ opType }) => opType === op)!.attribute!.find(({ name }) => name === attribute)!.g!;
    const loops = [body(ours, 'Loop', 'body'), body(theirs, 'Loop', 'body')];
    expect(loops[1]!.node!.map(({ opType }) => opType)).toEqual(loops[0]!.node!.map(({ opType }) => opType));
    expect(loops[1]!.node!.map(({ opType }) => opType)).toContain('If');
  });
});
