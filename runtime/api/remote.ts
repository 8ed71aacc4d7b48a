import * as z from 'zod';
import { checkGraph } from '../graph/check.ts';
import { GraphError } from '../graph/error.ts';
import { type GraphJson, graphFromJson, graphToJson, nested } from '../graph/json.ts';
import { type TensorJson, tensorFromJson, tensorSchema, tensorToJson } from '../tensor/json.ts';
import { StringTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Backend, ReceivedRequest, TraceRequest } from '../types/backend.ts';
import { checkAnswer } from './answer.ts';
import { MILLISECONDS } from './option-kinds.ts';
import { checkOptions } from './options.ts';

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

/** How a `RemoteBackend` asks. */
export interface RemoteOptions {
  /** How long an answer may take, in milliseconds: ten minutes unless given. */
  readonly timeout?: number;
}

const TEN_MINUTES = 600_000;

/** What of a server's text an error shows. */
const SHOWN = 500;

/**
 * Sends traces to a server that holds the model, and gets the saved tensors back. Nothing of an answer is taken that is not
 * what the trace saves. Redirects are not followed: the headers and the trace are for this server alone.
 */
export class RemoteBackend implements Backend {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeout: number;

  /** @param url takes a POST of a `RequestJson` and answers with the result of `answerToJson` */
  constructor(url: string, headers: Readonly<Record<string, string>> = {}, options: RemoteOptions = {}) {
    checkOptions('RemoteBackend', options, { timeout: MILLISECONDS });
    const { timeout = TEN_MINUTES } = options;
    this.#url = url;
    this.#headers = headers;
    this.#timeout = timeout;
  }

  async run(request: TraceRequest): Promise<(Tensor | undefined)[]> {
    const body = JSON.stringify(requestToJson(request));
    const [response, text] = await this.#post(body, request.signal);
    if (response.status >= 300 && response.status < 400) {
      const to = response.headers.get('location');
      throw this.#error(`redirects (${response.status}) to ${shown(to ?? 'nowhere')}: give the backend that URL`);
    }
    const parsed = answerSchema.safeParse(parseJson(text));
    if (parsed.success && 'error' in parsed.data) throw this.#error(`refused the trace: ${shown(parsed.data.error)}`);
    const isPage = response.headers.get('content-type')?.startsWith('text/html');
    if (!response.ok || isPage || !parsed.success || !('tensors' in parsed.data)) {
      throw this.#error(`answered ${response.status} with something that is not an answer to a trace: ${shown(text)}`);
    }
    try {
      const tensors = parsed.data.tensors.map((tensor) => (tensor ? tensorFromJson(tensor) : undefined));
      const missing = checkAnswer(request.graph, tensors).findIndex((tensor, i) => !tensor && !mayBeAbsent(request, i));
      if (missing !== -1) throw new RangeError(`it has no tensor for ${request.graph.saves[missing]!.name}`);
      return tensors;
    } catch (error) {
      throw this.#error(`gave a wrong answer: ${error instanceof Error ? error.message : error}`, error);
    }
  }

  async #post(body: string, signal: AbortSignal | undefined): Promise<[Response, string]> {
    const late = AbortSignal.timeout(this.#timeout);
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#headers },
        body,
        redirect: 'manual',
        signal: signal ? AbortSignal.any([signal, late]) : late,
      });
      return [response, await response.text()];
    } catch (error) {
      signal?.throwIfAborted();
      if (late.aborted) throw this.#error(`has not answered within ${this.#timeout / 1000} s`, error);
      throw this.#error(`could not be asked: ${reasonOf(error)}`, error);
    }
  }

  #error(what: string, cause?: unknown): Error {
    return new Error(`${withoutPassword(this.#url)} ${what}`, { cause });
  }
}

/** A gradient may be saved that is not there. */
function mayBeAbsent({ graph }: TraceRequest, save: number): boolean {
  const { node } = graph.saves[save]!.value;
  return node?.op === 'grad' && node.attributes.unused === 'absent';
}

/** A text of a server in an error: some of it, without what moves a terminal's cursor. */
function shown(text: string): string {
  const printable = text.replaceAll(/\p{Cc}+/gu, ' ');
  return printable.length > SHOWN ? `${printable.slice(0, SHOWN)}…` : printable;
}

/** fetch says "fetch failed" and hides why in causes. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error
    ? `${error.message}: ${cause.message || (cause as NodeJS.ErrnoException).code}`
    : error.message;
}

function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/)[^/@]*@/, '$1');
}

/** A trace as data. Throws a GraphError if it contains anything else: functions given to apply, calls of other models. */
export function requestToJson({ graph, inputs, model }: TraceRequest): RequestJson {
  return {
    format: 'onnsight-request',
    version: VERSION,
    model: model.hash,
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => {
        if (tensor instanceof StringTensor) {
          throw new GraphError(`This request cannot be data: its input '${name}' is made of texts.`);
        }
        return [name, tensorToJson(tensor)];
      }),
    ),
    graph: graphToJson(graph),
  };
}

/** Reads a request that came from outside. Nothing in it is trusted: a GraphError says what is wrong, and where. */
export function requestFromJson(json: unknown): ReceivedRequest {
  const parsed = nested(() => envelope.safeParse(json));
  if (!parsed.success) throw new GraphError(`This is not a request: ${z.prettifyError(parsed.error)}`);
  const { model, inputs, graph: graphJson } = parsed.data;
  const graph = graphFromJson(graphJson);
  nested(() => checkGraph(graph));
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
