import { TraceError } from '../errors.ts';
import { chooseDevice, type Device } from '../execution/devices.ts';
import { Engine } from '../execution/engine.ts';
import { type Inputs, prepareInputs } from '../execution/inputs.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { formatTree } from '../model/format.ts';
import { inferTypes } from '../model/infer.ts';
import { readModel } from '../model/read.ts';
import { isCompiled } from '../operators/blocks.ts';
import { Tensor } from '../tensor/tensor.ts';
import { Builder, withBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { printLines } from '../tracing/logs.ts';
import { save, settleSaves } from '../tracing/saves.ts';
import { Envoy, moduleProxy } from './envoy.ts';
import { ModelMap, TypedModel } from './locate.ts';
import { probeModel } from './probe.ts';
import { Results } from './results.ts';

export interface LoadOptions {
  /** Where to run: `auto` (the default) takes the best that works. */
  readonly device?: 'auto' | Device;
  /** Other names for modules: `{ 'transformer.h': 'layers' }`. The old names stay. */
  readonly rename?: Readonly<Record<string, string>>;
}

type Block = (tracer: unknown) => unknown;

/** A loaded model: what `NNsight.load` gives, in front of its module tree. */
export class Model {
  readonly map: ModelMap;
  /** Where the model runs. */
  readonly device: Device;
  private readonly engine: Engine;

  constructor(map: ModelMap, device: Device) {
    this.map = map;
    this.device = device;
    this.engine = new Engine(map.model, device, map.locate);
  }

  static async open(path: string, options: LoadOptions): Promise<Model> {
    const map = new ModelMap(await readModel(path));
    return new Model(map, await chooseDevice(options.device ?? 'auto', probeModel()));
  }

  toString(): string {
    return formatTree(this.map.tree);
  }

  /**
   * Runs the model once. With a block, the block's interventions stand inside the model's graph, and what it returns
   * comes back with a tensor for every saved value; without one, all outputs come back by name.
   */
  async trace(inputs: unknown, block?: Block): Promise<unknown> {
    const { target, results, prepared } = await this.build(inputs, block);
    const { graph } = target;
    const tensors = graph.saves.length === 0 && !hasWrites(target) ? [] : await this.engine.run(graph, prepared);
    const resolved = results.resolve(tensors);
    printLines(target);
    return resolved;
  }

  /** The intervention graph of a block, which is checked but not run: print it, or send it as data. */
  async graph(inputs: unknown, block: Block): Promise<InterventionGraph> {
    return (await this.build(inputs, block)).target.graph;
  }

  private async build(inputs: unknown, block?: Block) {
    if (typeof inputs === 'function') {
      throw new TraceError('trace needs inputs: model.trace({ input_ids: [[1, 2, 3]] }, () => { … }).', callerSite());
    }
    if (block && !isCompiled(block)) throw uncompiled(block);
    const prepared = prepareInputs(this.map.model, await this.toInputs(inputs));
    const dims = Object.fromEntries([...prepared].map(([name, tensor]) => [name, tensor.dims]));
    const target = new Builder(new TypedModel(this.map, await inferTypes(this.map.model, dims)));
    const root = new Envoy(this.map, '');
    const results = withBuilder(target, () => {
      const returned = block ? block(undefined) : rawOutputs(root, this.map);
      settleSaves(target);
      target.close();
      return new Results(target, returned);
    });
    target.graph.saves.push(...results.saves());
    return { target, results, prepared };
  }

  /** What a user gives as inputs, by the names of the model's inputs. */
  protected async toInputs(inputs: unknown): Promise<Inputs> {
    const isData = Array.isArray(inputs) || ArrayBuffer.isView(inputs) || inputs instanceof Tensor;
    if (isData) return { [this.map.model.inputs[0]!.name]: inputs as never };
    if (typeof inputs === 'string') {
      throw new TraceError('A text needs a tokenizer: load the model with LanguageModel.load(folder).', callerSite());
    }
    return inputs as Inputs;
  }
}

function rawOutputs(root: Envoy, map: ModelMap): Record<string, unknown> {
  return Object.fromEntries(root.outputs.map((output, i) => [map.model.outputs[i]!.name, save(output)]));
}

function hasWrites(target: Builder): boolean {
  return target.graph.root.nodes.some(({ op }) => op === 'write');
}

function uncompiled(block: Block): TraceError {
  return new TraceError(
    `The block${block.name ? ` ${block.name}` : ''} was not compiled, so its operators and conditions cannot become part of the model. Run the file through the onnsight plugin (tsc with ts-patch, \`node --import onnsight/register\`, onnsight/vite); for a function that is defined elsewhere, put the directive 'use trace' at its top.`,
    callerSite(),
  );
}

/** Opens ONNX models. */
export const NNsight = {
  /**
   * Reads a model's graph (its weights stay in the file) and finds its modules.
   * Throws a `ModelError` on a file that is no ONNX model, a `DeviceError` on a device that does not work here.
   */
  async load(path: string, options: LoadOptions = {}): Promise<unknown> {
    const model = await Model.open(path, options);
    return asModule(model, options);
  },
};

/** A model as users hold it: its own members and its modules in one object. */
export function asModule(model: Model, options: LoadOptions): unknown {
  for (const path of Object.keys(options.rename ?? {})) model.map.find(path);
  const aliases = new Map(Object.entries(options.rename ?? {}).map(([path, name]) => [aliasPath(path, name), path]));
  return moduleProxy(new Envoy(model.map, ''), model, aliases);
}

function aliasPath(path: string, name: string): string {
  const parent = path.split('.').slice(0, -1).join('.');
  return parent === '' || name.includes('.') ? name : `${parent}.${name}`;
}
