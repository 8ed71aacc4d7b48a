import { NNsight } from 'onnsight';
import { ModelMap } from '../../runtime/api/model-map.ts';
import { Engine, type RunOptions } from '../../runtime/execution/engine.ts';
import type { RunStats } from '../../runtime/execution/stats.ts';
import type { InterventionGraph } from '../../runtime/graph/graph.ts';
import { prepareInputs } from '../../runtime/inputs/prepare.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import type { Segmentation } from '../../runtime/partition/segmentation.ts';
import { Tensor, type TensorData } from '../../runtime/tensor/tensor.ts';

export const SEGMENTATIONS: readonly Segmentation[] = ['off', 'layers', 'taps', 'modules', 'blocks'];

// biome-ignore lint/suspicious/noExplicitAny: the modules of these models are not known to the type checker.
type Loaded = any;
export type Inputs = Readonly<Record<string, Tensor>>;

/** A model with an engine for each way to cut it. */
export interface Engines {
  readonly model: Loaded;
  readonly map: ModelMap;
  readonly engine: (segmentation: Segmentation) => Engine;
}

export async function openEngines(path: string): Promise<Engines> {
  const model = await NNsight.load(path, { device: 'cpu' });
  const map = new ModelMap(await readModel(path));
  await map.symbolic();
  const engines = new Map<Segmentation, Engine>();
  const engine = (segmentation: Segmentation) => {
    const made = engines.get(segmentation) ?? newEngine(map, segmentation);
    engines.set(segmentation, made);
    return made;
  };
  return { model, map, engine };
}

export function newEngine(map: ModelMap, segmentation: Segmentation): Engine {
  const { model, tree, locate } = map;
  return new Engine(model, 'cpu', locate, { segmentation, tree, formulas: () => map.formulas });
}

/** Runs a graph with an engine, and tells what happened. */
export async function runGraph(
  engine: Engine,
  graph: InterventionGraph,
  inputs: Inputs,
  options: RunOptions = {},
): Promise<{ tensors: Tensor[]; stats: RunStats }> {
  let stats: RunStats | null = null;
  const onStats = (seen: RunStats) => {
    stats = seen;
  };
  const tensors = await engine.run(graph, prepareInputs(engine.model, inputs), { ...options, onStats });
  return { tensors, stats: stats! };
}

/** The names of the dispatches that ran and had to be compiled. */
export const built = ({ dispatches }: RunStats) =>
  dispatches.filter((dispatch) => dispatch.built !== null).map(({ name }) => name);
export const names = ({ dispatches }: RunStats) => dispatches.map(({ name }) => name);

export function ids(...rows: number[][]): Inputs {
  return { input_ids: Tensor.from(rows as unknown as TensorData, 'int64') as unknown as Tensor };
}

/** The largest difference between the elements of two lists of tensors of equal dims. */
export function difference(a: readonly Tensor[], b: readonly Tensor[]): number {
  let largest = 0;
  a.forEach((tensor, i) => {
    const other = b[i]!;
    if (tensor.dims.join() !== other.dims.join()) throw new Error(`dims [${tensor.dims}] and [${other.dims}]`);
    const [mine, theirs] = [tensor.data as ArrayLike<number>, other.data as ArrayLike<number>];
    for (let k = 0; k < mine.length; k++) largest = Math.max(largest, Math.abs(Number(mine[k]) - Number(theirs[k])));
  });
  return largest;
}
