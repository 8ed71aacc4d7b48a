import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { TraceError } from '../errors.ts';
import type { InterventionGraph, OperandData } from '../graph/graph.ts';
import type { DType } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { type Lowered, lower } from '../lowering/lower.ts';
import type { OnnxModel } from '../model/read.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Device } from './devices.ts';
import { runError } from './run-error.ts';

/** A rewritten model, compiled. */
interface Compiled {
  readonly lowered: Lowered;
  readonly session: InferenceSession;
}

/** A compiled model in the cache. One that leaves it is released when its last run has ended. */
interface Entry {
  readonly compiled: Promise<Compiled>;
  users: number;
  evicted: boolean;
}

/** How many compiled graphs of one model are kept; the one that was used least recently goes first. */
const KEPT = 64;

/** Runs intervention graphs inside one model: compiles each structure once and keeps it. */
export class Engine {
  readonly model: OnnxModel;
  readonly device: Device;
  readonly locate: Locate;
  private readonly entries = new Map<string, Entry>();

  constructor(model: OnnxModel, device: Device, locate: Locate) {
    this.model = model;
    this.device = device;
    this.locate = locate;
  }

  /** Runs the model with the graph's interventions and returns the saves, in the order of `graph.saves`. */
  async run(graph: InterventionGraph, inputs: ReadonlyMap<string, Tensor>): Promise<Tensor[]> {
    const entry = this.entry(graph);
    entry.users++;
    try {
      return await execute(this.model, await entry.compiled, graph, inputs);
    } finally {
      entry.users--;
      if (entry.evicted) release(entry);
    }
  }

  private entry(graph: InterventionGraph): Entry {
    const key = graph.structuralKey();
    let entry = this.entries.get(key);
    // The newest stand last.
    this.entries.delete(key);
    if (!entry) {
      entry = { compiled: this.create(lower(this.model, graph, this.locate)), users: 0, evicted: false };
      // A graph that failed to compile must not stay.
      entry.compiled.catch(() => this.entries.delete(key));
    }
    this.entries.set(key, entry);
    for (const [oldest, old] of this.entries) {
      if (this.entries.size <= KEPT) break;
      this.entries.delete(oldest);
      old.evicted = true;
      release(old);
    }
    return entry;
  }

  private async create(lowered: Lowered): Promise<Compiled> {
    try {
      const session = await InferenceSession.create(lowered.bytes, {
        executionProviders: [this.device],
        logSeverityLevel: 4,
        extra: {
          session: {
            model_external_initializers_file_folder_path: this.model.folder,
            intra_op: { allow_spinning: '0' },
          },
        },
      });
      return { lowered, session };
    } catch (error) {
      throw runError(error, this.model);
    }
  }
}

async function execute(
  model: OnnxModel,
  { lowered, session }: Compiled,
  graph: InterventionGraph,
  inputs: ReadonlyMap<string, Tensor>,
): Promise<Tensor[]> {
  const feeds: Record<string, OrtTensor> = {};
  for (const name of lowered.inputs) {
    const input = inputs.get(name);
    if (!input) throw new TraceError(`The model's input '${name}' is needed and was not given.`);
    feeds[name] = ortTensor(input.dtype, input.dims, input.raw);
  }
  const operands = [...graph.operands];
  for (const { position, name } of lowered.operands) {
    const [node, { dims, data }] = operands[position]!;
    feeds[name] = ortTensor(node.outputs[0]!.type.dtype, dims, data);
  }
  try {
    const results = await session.run(feeds, [...new Set(lowered.outputs)]);
    return lowered.outputs.map((name) => fromOrt(results[name]!));
  } catch (error) {
    throw runError(error, model, graph);
  }
}

function release(entry: Entry): void {
  if (entry.users > 0) return;
  entry.compiled.then(
    ({ session }) => session.release(),
    () => {},
  );
}

function ortTensor(dtype: DType, dims: readonly number[], data: OperandData['data']): OrtTensor {
  return new OrtTensor(dtype as 'float32', data as Float32Array<ArrayBuffer>, dims);
}

function fromOrt(tensor: OrtTensor): Tensor {
  return new Tensor(tensor.type as 'float32', tensor.dims, tensor.data as Float32Array<ArrayBuffer>);
}
