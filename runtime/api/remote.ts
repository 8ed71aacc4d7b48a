import { z } from 'zod';
import { checkGraph } from '../graph/check.ts';
import { GraphError, type GraphJson, graphFromJson, graphToJson } from '../graph/json.ts';
import { type TensorJson, tensorFromJson, tensorSchema, tensorToJson } from '../tensor/json.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Backend, ReceivedRequest, TraceRequest } from '../types/backend.ts';

/** The version of the format of requests; others are refused. */
const VERSION = 1;

const envelope = z.strictObject({
  format: z.literal('onnsight-request'),
  version: z.literal(VERSION),
  /** The hash of the model's graph and weights, so that a graph does not run in another model. */
  model: z.string(),
  inputs: z.record(z.string(), tensorSchema),
  graph: z.unknown(),
});

const answerSchema = z.union([
  z.strictObject({ tensors: z.array(tensorSchema.nullable()) }),
  z.strictObject({ error: z.string() }),
]);

/** A trace as data: no code is sent, and only operations of a closed list can be in it. */
export interface RequestJson {
  readonly format: 'onnsight-request';
  readonly version: typeof VERSION;
  readonly model: string;
  readonly inputs: Readonly<Record<string, TensorJson>>;
  readonly graph: GraphJson;
}

/** Sends traces to a server that holds the model, and gets the saved tensors back. */
export class RemoteBackend implements Backend {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param url takes a POST of a `RequestJson` and answers with the result of `answerToJson` */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  async run(request: TraceRequest): Promise<(Tensor | undefined)[]> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.#headers },
      body: JSON.stringify(requestToJson(request)),
    });
    const text = await response.text();
    const parsed = answerSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      throw new Error(
        `${this.#url} answered ${response.status} with something that is not an answer to a trace: ${text.slice(0, 200)}`,
      );
    }
    if ('error' in parsed.data) throw new Error(`${this.#url} refused the trace: ${parsed.data.error}`);
    return parsed.data.tensors.map((tensor) => (tensor ? tensorFromJson(tensor) : undefined));
  }
}

/** A trace as data. Throws a GraphError if it contains anything else: functions given to apply, calls of other models. */
export function requestToJson({ graph, inputs, model }: TraceRequest): RequestJson {
  return {
    format: 'onnsight-request',
    version: VERSION,
    model: model.hash,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensorToJson(tensor)])),
    graph: graphToJson(graph),
  };
}

/** Reads a request that came from outside. Nothing in it is trusted: a GraphError says what is wrong, and where. */
export function requestFromJson(json: unknown): ReceivedRequest {
  const parsed = envelope.safeParse(json);
  if (!parsed.success) throw new GraphError(`This is not a request: ${z.prettifyError(parsed.error)}`);
  const { model, inputs, graph: graphJson } = parsed.data;
  const graph = graphFromJson(graphJson);
  checkGraph(graph);
  const tensors = Object.entries(inputs).map(([name, tensor]) => {
    try {
      return [name, tensorFromJson(tensor)] as const;
    } catch (error) {
      throw new GraphError(`inputs.${name}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  });
  return { model, graph, inputs: new Map(tensors) };
}

/** The answer of a server: the tensors of the graph's saves, in order. */
export function answerToJson(tensors: readonly (Tensor | undefined)[]): { tensors: (TensorJson | null)[] } {
  return { tensors: tensors.map((tensor) => (tensor ? tensorToJson(tensor) : null)) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
