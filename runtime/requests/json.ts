import * as z from 'zod';
import type { GraphLimits } from '../graph/check.ts';
import { GraphError } from '../graph/error.ts';
import { graphFromJson, graphToJson, nested } from '../graph/json.ts';
import type { GraphJson } from '../graph/json-types.ts';
import { type GivenTensorJson, type TensorJson, tensorFromJson, tensorToJson } from '../tensor/json.ts';
import { givenTensorSchema } from '../tensor/json-schema.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ReceivedRequest, TraceRequest } from '../types/backend.ts';
import { checkRequest } from './check.ts';
import { type CourseJson, courseFromJson, courseToJson } from './course.ts';
import { courseSchema } from './course-schema.ts';
import { numberInputs } from './number-inputs.ts';

/** The version of the format of requests; others are refused. */
const VERSION = 1;

const envelope = z.strictObject({
  format: z.literal('onnsight-request'),
  version: z.literal(VERSION),
  /** The hash of the model's graph and weights, so that a graph does not run in another model. */
  model: z.string(),
  inputs: z.record(z.string(), givenTensorSchema),
  graph: z.custom<unknown>(
    (graph) => graph !== undefined,
    'expected the graph, an object of the format onnsight-graph',
  ),
  /** Where there is more than one forward of one model. */
  course: courseSchema(givenTensorSchema).nullable().default(null),
});

/** A trace as data: no code is sent, and only operations of a closed list can be in it. */
export interface RequestJson {
  readonly format: 'onnsight-request';
  readonly version: typeof VERSION;
  readonly model: string;
  readonly inputs: Readonly<Record<string, TensorJson>>;
  readonly graph: GraphJson;
  readonly course?: CourseJson<TensorJson>;
}

/** A trace as data. Throws a GraphError if it contains anything else: functions given to apply, texts. */
export function requestToJson({ graph, inputs, model, course: makeCourse }: TraceRequest): RequestJson {
  const course = makeCourse();
  return {
    format: 'onnsight-request',
    version: VERSION,
    model: model.hash,
    inputs: Object.fromEntries(numberInputs(inputs).map(([name, tensor]) => [name, tensorToJson(tensor)])),
    graph: graphToJson(graph, course?.functions),
    ...(course && { course: courseToJson(course, tensorToJson) }),
  };
}

/**
 * Reads a request that came from outside, by `requestToJson` or written by hand. Nothing in it is trusted: a GraphError says what is wrong, and where.
 * @param limits what a request may ask for, if it is less than a graph may have in any case
 */
export function requestFromJson(json: unknown, limits: GraphLimits = {}): ReceivedRequest {
  const parsed = nested(() => envelope.safeParse(json));
  if (!parsed.success) throw new GraphError(`This is not a request: ${z.prettifyError(parsed.error)}`);
  const { model, inputs, graph: graphJson, course: given } = parsed.data;
  const graph = graphFromJson(graphJson);
  const course = given && courseFromJson(given, graph, readTensor);
  nested(() => checkRequest(graph, course, limits));
  const tensors = Object.entries(inputs).map(([name, tensor]) => [name, readTensor(tensor, `inputs.${name}`)] as const);
  return { model, graph, inputs: new Map(tensors), course };
}

function readTensor(json: GivenTensorJson, path: string): Tensor {
  try {
    return tensorFromJson(json);
  } catch (error) {
    throw new GraphError(`${path}: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/** The answer to a request that came as JSON: the tensors of the graph's saves, in order. */
export function answerToJson(tensors: readonly (Tensor | undefined)[]): { tensors: (TensorJson | null)[] } {
  return { tensors: tensors.map((tensor) => (tensor ? tensorToJson(tensor) : null)) };
}
