import * as z from 'zod';
import type { GraphLimits } from '../graph/check.ts';
import { GraphError } from '../graph/error.ts';
import { hasLikes, type OperandData } from '../graph/graph.ts';
import { nested } from '../graph/json.ts';
import type { GivenOperand } from '../graph/made-graph.ts';
import { packGraph, unpackGraph } from '../graph/packed.ts';
import type { DType, Region } from '../graph/types.ts';
import { isRawOf } from '../tensor/storage.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { ReceivedRequest, TraceRequest } from '../types/backend.ts';
import { checkRequest } from './check.ts';
import { courseFromJson, courseToJson } from './course.ts';
import { courseSchema } from './course-schema.ts';
import {
  type Frame,
  type FrameHeader,
  type FramePart,
  frameFromBytes,
  frameHead,
  frameHeader,
  frameToBytes,
  frameWith,
} from './frame.ts';
import { numberInputs } from './number-inputs.ts';

/** The number of a tensor in its frame. */
const number = z.number().int().nonnegative();

const requestSchema = z.strictObject({
  format: z.literal('onnsight-request'),
  /** The hash of the model's graph and weights, so that a graph does not run in another model. */
  model: z.string(),
  inputs: z.record(z.string(), number),
  graph: z.unknown(),
  /** By the id of the value that an operand makes. */
  operands: z.array(z.tuple([number, number])),
  /** Where there is more than one forward of one model. */
  course: courseSchema(number).nullable().default(null),
});

const answerSchema = z.strictObject({
  format: z.literal('onnsight-answer'),
  /** In the order of the graph's saves; null for one that was not computed. */
  saves: z.array(number.nullable()),
});

/** Tensors on their way into a frame. */
class Parts {
  readonly tensors: FramePart[] = [];

  add(part: FramePart): number {
    return this.tensors.push(part) - 1;
  }
}

/** What the frame of a request has before its elements, and what that holds for. */
interface WrittenHead {
  readonly head: Uint8Array;
  readonly model: string;
  readonly inputs: readonly string[];
  readonly tensors: readonly Omit<FramePart, 'raw'>[];
}

/** By nodes that several graphs have: of a block that runs again only the numbers are written again. */
const written = new WeakMap<Region, WrittenHead>();

/** A trace as bytes. Throws a GraphError if it contains what is no data: functions given to apply, texts. */
export function requestToBytes({ graph, inputs, model, course: makeCourse }: TraceRequest): Uint8Array {
  const parts = new Parts();
  const course = makeCourse();
  const { hash } = model;
  const given = numberInputs(inputs).map(([name, tensor]) => [name, parts.add(tensor)] as const);
  const operands = Array.from(graph.operands, ([{ outputs }, { dims, data }]) => {
    const { id, type } = outputs[0]!;
    return [id, parts.add(partFor(type.dtype, dims, data))] as const;
  });
  const names = given.map(([name]) => name);
  const { tensors } = parts;
  const isKept = !course && hasLikes(graph);
  const before = isKept && written.get(graph.root);
  if (before && before.model === hash && isSameList(before.inputs, names) && areAlike(before.tensors, tensors)) {
    return frameWith(before.head, tensors);
  }
  const json = {
    format: 'onnsight-request',
    model: hash,
    inputs: Object.fromEntries(given),
    graph: packGraph(graph, course?.functions),
    ...(course && { course: courseToJson(course, (tensor) => parts.add(tensor)) }),
    operands,
  };
  const head = frameHead(json, tensors);
  if (isKept) {
    const described = tensors.map(({ dtype, dims }) => ({ dtype, dims: [...dims] }));
    written.set(graph.root, { head, model: hash, inputs: names, tensors: described });
  }
  return frameWith(head, tensors);
}

function areAlike(before: WrittenHead['tensors'], tensors: readonly FramePart[]): boolean {
  return (
    before.length === tensors.length &&
    before.every(({ dtype, dims }, i) => dtype === tensors[i]!.dtype && isSameList(dims, tensors[i]!.dims))
  );
}

function isSameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

/**
 * Reads a request that came from outside. Nothing in it is trusted: a GraphError says what is wrong, and where.
 * @param limits what a request may ask for, if it is less than a graph may have in any case
 */
export function requestFromBytes(bytes: Uint8Array, limits: GraphLimits = {}): ReceivedRequest {
  return requestFromFrame(requestFrame(bytes), limits);
}

/** Reads the request that is in a frame, as `requestFromBytes` does. */
export function requestFromFrame(frame: Frame, limits: GraphLimits): ReceivedRequest {
  const parsed = requestSchema.safeParse(frame.json);
  if (!parsed.success) throw new GraphError(`This is not a request: ${z.prettifyError(parsed.error)}`);
  const { model, inputs, graph: packed, operands, course: given } = parsed.data;
  const data = operands.map(([value, part]): GivenOperand => {
    return { value, read: (dtype, path) => operandOf(frame, part, dtype, path) };
  });
  const graph = nested(() => unpackGraph(packed, data));
  const course = given && courseFromJson(given, graph, (part, path) => tensorOf(partOf(frame, part, path)));
  nested(() => checkRequest(graph, course, limits));
  const tensors = Object.entries(inputs).map(
    ([name, part]) => [name, tensorOf(partOf(frame, part, `inputs.${name}`))] as const,
  );
  return { model, graph, inputs: new Map(tensors), course };
}

/** The answer to a request that came as bytes: the tensors of the graph's saves, in order. */
export function answerToBytes(answer: readonly (Tensor | undefined)[]): Uint8Array {
  const parts = new Parts();
  const saves = answer.map((tensor) => (tensor ? parts.add(tensor) : null));
  return frameToBytes({ json: { format: 'onnsight-answer', saves }, tensors: parts.tensors });
}

/** What headers of answers say, by their texts: those of the answers to a block that runs again are the same. */
const read = new Map<string, FrameHeader>();
/** How many are kept, and how long they may be. */
const [MOST_READ, LONGEST_READ] = [64, 2 ** 12];

/** Reads an answer. Throws a RangeError if it is none. */
export function answerFromBytes(bytes: Uint8Array): (Tensor | undefined)[] {
  const { json, tensors } = frameFromBytes(bytes, answerHeader);
  return (json as z.infer<typeof answerSchema>).saves.map((part) => {
    if (part === null) return undefined;
    const found = tensors[part];
    if (!found) throw new RangeError(`it has no tensor ${part}`);
    return tensorOf({ ...found, dims: [...found.dims] });
  });
}

function answerHeader(text: string): FrameHeader {
  const known = read.get(text);
  if (known) return known;
  const { json, tensors } = frameHeader(text);
  const { success, data, error } = answerSchema.safeParse(json);
  if (!success) throw new RangeError(`it is not an answer: ${z.prettifyError(error)}`);
  const header = { json: data, tensors };
  if (text.length <= LONGEST_READ) read.set(text, header);
  if (read.size > MOST_READ) read.delete(read.keys().next().value!);
  return header;
}

/** The frame of a request. Throws a GraphError if it is none. */
export function requestFrame(bytes: Uint8Array, readHeader?: (text: string) => FrameHeader): Frame {
  try {
    return nested(() => frameFromBytes(bytes, readHeader));
  } catch (error) {
    if (error instanceof GraphError) throw error;
    throw new GraphError(`This is not a request: ${error instanceof Error ? error.message : error}.`, { cause: error });
  }
}

function partOf({ tensors }: Frame, part: number, path: string): FramePart {
  const found = tensors[part];
  if (!found) throw new GraphError(`${path}: there is no tensor ${part}`);
  return found;
}

export function tensorOf({ dtype, dims, raw }: FramePart): Tensor {
  return new Tensor(dtype as 'float32', dims, raw as never);
}

/** Data of the graph, which holds halves as their bits or as numbers. */
function partFor(dtype: DType, dims: readonly number[], data: OperandData['data']): FramePart {
  return isRawOf(data, dtype) ? { dtype, dims, raw: data } : new Tensor(dtype as 'float32', dims, data as never);
}

function operandOf(frame: Frame, part: number, dtype: DType, path: string) {
  const { dtype: found, dims, raw } = partOf(frame, part, path);
  if (found !== dtype) throw new GraphError(`${path}: its data is ${found}, but the graph says ${dtype}`);
  return { dims, data: raw };
}
