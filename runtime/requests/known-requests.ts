import { type GraphLimits, mayBeSizes } from '../graph/check.ts';
import { InterventionGraph, type OperandData } from '../graph/graph.ts';
import type { Node } from '../graph/types.ts';
import type { ReceivedRequest } from '../types/backend.ts';
import { requestFrame, requestFromFrame, tensorOf } from './bytes.ts';
import { type Frame, type FrameHeader, frameHeader } from './frame.ts';

/** How many requests are known, and how many bytes each may have: their tensors are kept, too. */
const MOST = 64;
const LARGEST = 2 ** 18;

/** Reads requests of which many differ in their numbers alone: what their headers say is read and checked once. */
export class KnownRequests {
  readonly #limits: GraphLimits;
  /** By their texts, those that came first before those that came later. */
  readonly #headers = new Map<string, FrameHeader>();
  /** By what their headers say. */
  readonly #requests = new WeakMap<object, ReceivedRequest>();

  constructor(limits: GraphLimits) {
    this.#limits = limits;
  }

  /** As `requestFromBytes`. */
  read(bytes: Uint8Array): ReceivedRequest {
    let text = '';
    const frame = requestFrame(bytes, (header) => {
      text = header;
      return this.#headers.get(header) ?? frameHeader(header);
    });
    const known = this.#requests.get(frame.json as object);
    const again = known && withNumbers(known, frame);
    if (again) return again;
    const request = requestFromFrame(frame, this.#limits);
    if (!known && request.course === null && bytes.byteLength <= LARGEST) this.#remember(text, frame, request);
    return request;
  }

  #remember(text: string, { json, tensors }: Frame, request: ReceivedRequest): void {
    const described = tensors.map(({ dtype, dims }) => ({ dtype, dims: [...dims] }));
    this.#headers.set(text, { json, tensors: described });
    this.#requests.set(json as object, request);
    if (this.#headers.size > MOST) this.#headers.delete(this.#headers.keys().next().value!);
  }
}

/** What the header of a known request says, once it was read. */
interface Said {
  readonly inputs: Readonly<Record<string, number>>;
  readonly operands: readonly (readonly [value: number, part: number])[];
}

/** A request with the tensors of a frame of the same header; null if it has numbers by which it is to be checked anew. */
function withNumbers({ model, graph, inputs }: ReceivedRequest, { json, tensors }: Frame): ReceivedRequest | null {
  const said = json as Said;
  const parts = new Map(said.operands);
  const operands = new Map<Node, OperandData>();
  for (const [node, before] of graph.operands) {
    const { id, type } = node.outputs[0]!;
    const { dims, raw: data } = tensors[parts.get(id)!]!;
    if (mayBeSizes(type.dtype, data.length) && !isSame(data, before.data)) return null;
    operands.set(node, { dims, data });
  }
  const others = Array.from(inputs.keys(), (name) => [name, tensorOf(tensors[said.inputs[name]!]!)] as const);
  return { model, graph: new InterventionGraph(graph, operands), inputs: new Map(others), course: null };
}

function isSame(a: OperandData['data'], b: OperandData['data']): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
