import { TraceError } from '../errors.ts';
import { runError } from '../execution/run-error.ts';
import { fromTensor, toTensor } from '../execution/session-tensors.ts';
import { InterventionGraph } from '../graph/graph.ts';
import { OperationError } from '../graph/operation.ts';
import { outputTypes } from '../graph/operations/index.ts';
import type { AttributesOf, TensorOp } from '../graph/ops.ts';
import type { Site, TensorType } from '../graph/types.ts';
import { lower } from '../lowering/lower.ts';
import { makeGraph, makeModel } from '../onnx/make.ts';
import { OnnxModel } from '../onnx/model.ts';
import { OpenedFiles } from '../onnx/opened-files.ts';
import { ort } from '../ort/ort.ts';
import type { SynchronousSession } from '../ort/port.ts';
import type { AnyTensor, Tensor } from '../tensor/tensor.ts';

/*
 * Outside of blocks tensors compute at once, one operation after another. The types, the lowering and the kernels are those
 * of blocks, so that each function has one definition. An operation is a small session, kept by its structure.
 */

/** How many sessions are kept; the one used least recently goes first. */
const KEPT = 128;

/** Operations that are worth several threads. */
const HEAVY: ReadonlySet<TensorOp> = new Set<TensorOp>(['matmul', 'einsum']);

/** The lowering writes into a model: this one has nothing in it. */
const NOTHING = new OnnxModel(makeModel(makeGraph('onnsight', [], [], [])), {
  path: 'onnsight',
  folder: '.',
  file: 'onnsight',
  files: new OpenedFiles(),
});

interface Kernel {
  readonly session: SynchronousSession;
  readonly inputs: readonly { readonly name: string; readonly position: number }[];
  readonly outputs: readonly string[];
}

const kernels = new Map<string, Kernel>();

/**
 * Computes an operation on tensors now.
 * @param types what is known of the tensors; those of `inputs`, or narrower
 * @param site names the user's line; asked for only where there is an error
 * @throws TraceError if the tensors do not fit
 */
export function compute<O extends TensorOp>(
  op: O,
  inputs: readonly AnyTensor[],
  types: readonly TensorType[],
  attributes: AttributesOf<O>,
  site: () => Site | null,
): Tensor[] {
  const graph = graphOf(op, inputs, types, attributes, site);
  try {
    const { session, inputs: feeds, outputs } = kernelFor(op, graph);
    const results = session.run(
      Object.fromEntries(feeds.map(({ name, position }) => [name, fromTensor(inputs[position] as Tensor)])),
      outputs,
    );
    return outputs.map((name) => toTensor(results[name]!));
  } catch (error) {
    if (error instanceof TraceError) throw error;
    const { message } = runError(error, NOTHING);
    throw new TraceError(`${op}: ${message.replace(/^.*?could not run with this intervention: /s, '')}`, site(), {
      cause: error,
    });
  }
}

function graphOf<O extends TensorOp>(
  op: O,
  inputs: readonly AnyTensor[],
  types: readonly TensorType[],
  attributes: AttributesOf<O>,
  site: () => Site | null,
): InterventionGraph {
  const graph = new InterventionGraph();
  const values = types.map((type, i) => {
    const node = graph.add(graph.root, 'operand', [], [type], { dtype: type.dtype }, null);
    graph.operands.set(node, { dims: inputs[i]!.dims, data: inputs[i]!.raw });
    return node.outputs[0]!;
  });
  try {
    const node = graph.add(graph.root, op, values, outputTypes(op, types, attributes), attributes, null);
    node.outputs.forEach((value, i) => {
      graph.saves.push({ name: `${i}`, value });
    });
  } catch (error) {
    if (error instanceof OperationError) throw new TraceError(`${op}: ${error.message}`, site());
    throw error;
  }
  return graph;
}

function kernelFor(op: TensorOp, graph: InterventionGraph): Kernel {
  const key = graph.structuralKey();
  const kernel = kernels.get(key) ?? compile(op, graph);
  // The newest stand last.
  kernels.delete(key);
  kernels.set(key, kernel);
  if (kernels.size > KEPT) {
    const [oldest, { session }] = kernels.entries().next().value!;
    kernels.delete(oldest);
    session.release();
  }
  return kernel;
}

function compile(op: TensorOp, graph: InterventionGraph): Kernel {
  const { bytes, operands, outputs } = lower(NOTHING, graph, unreachable);
  const session = ort.createSynchronousSession(bytes, HEAVY.has(op) ? 'all' : 1);
  return { session, inputs: operands, outputs };
}

function unreachable(): never {
  throw new Error('An operation on tensors reads nothing of a model.');
}
