import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { formatSite, type Site, siteOf } from '../graph/site.ts';
import { ABSENT, BELOW, EMPTY, OUTSIDE, UNEQUAL, UNREACHED } from '../graph/unequal.ts';
import { tensorName } from '../lowering/dependencies.ts';
import { REQUIREMENTS, unmet } from '../lowering/operations/requirements.ts';
import { describeNode, nodeIn } from '../modules/describe-node.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import type { CudaError } from '../ort/cuda-errors.ts';
import { plainText } from '../ort/plain-text.ts';
import { UNREACHED_USE } from './unreached.ts';

/**
 * An error of ONNX Runtime in the user's terms. The name of the failing node tells where: nodes of the block carry
 * the user's line; a node of the model's own is named, with what the block has set in the model.
 */
export function runError(error: unknown, model: OnnxModel, graph: InterventionGraph | null = null): TraceError {
  const message = error instanceof Error ? error.message : String(error);
  const site = siteIn(message);
  const node = site ? undefined : nodeIn(message, model);
  const writes = graph && !site ? writesOf(graph) : [];
  // Nothing of the block is in the way of a node that it sets nothing for.
  const isOwn = node !== undefined && writes.length === 0;
  const told = [
    `The model could not run${isOwn ? '' : ' with this intervention'}: ${reasonOf(message, node, model)}`,
    node ? `It is the model's own node ${describeNode(node, model)} that fails.` : '',
    writes.length > 0 ? `Look at what the block sets: ${writes.map(({ text }) => text).join(', ')}.` : '',
    isOwn ? (UNSUPPORTED.test(message) ? NOWHERE : 'Look at the inputs that the model was given.') : '',
  ];
  const only = writes.length === 1 ? writes[0]!.site : null;
  return new TraceError(told.filter((text) => text !== '').join(' '), site ?? only, { cause: rootOf(error) });
}

/** How ONNX Runtime says that it has not written a part of an operator. */
const UNSUPPORTED = /not (?:yet )?(?:supported|implemented)|only (?:supported|implemented)|NOT_IMPLEMENTED/i;
const NOWHERE = 'ONNX Runtime does not run it on this device, whatever a block does and the model is given.';

/** An error of the device, at the block that ran: nothing in it is to blame. */
export function deviceError({ reason, how }: CudaError, graph: InterventionGraph, error: unknown): TraceError {
  const sites = graph.root.nodes.map(siteOf);
  const first = sites.find((site) => site !== null) ?? null;
  return new TraceError(`The device could not run the model: ${reason}. ${how}`, first, { cause: rootOf(error) });
}

/** What ONNX Runtime itself said. */
function rootOf(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? error.cause : error;
}

function siteIn(message: string): Site | null {
  const at = /onnsight\/at_\d+:(.+?):(\d+):(\d+)/.exec(message);
  return at ? { file: at[1]!, line: Number(at[2]), column: Number(at[3]) } : null;
}

function writesOf(graph: InterventionGraph): { text: string; site: Site | null }[] {
  return graph.root.nodes
    .filter((node) => node.op === 'write')
    .map((node) => {
      const site = siteOf(node);
      const name = tensorName(node.attributes);
      return { text: site ? `${name} (${formatSite(site)})` : name, site };
    });
}

/** What to do about a loop that has run as often as the model was loaded for. */
export const MORE_ITERATIONS = 'Load the model with a larger maxIterations if it is to.';

/** What went wrong, in a sentence. */
function reasonOf(message: string, node: NodeProto | undefined, model: OnnxModel): string {
  const unfinished = /Name:'iterations=(\d+):/.exec(message);
  if (unfinished) {
    return `a loop has run ${unfinished[1]} times and goes on. ${MORE_ITERATIONS}`;
  }
  // What checks a condition of a block, and those of a loop of the model's own.
  const given = /Name:'(?:one:|[^']*:(?:trip|condition|goes_on)').*Input shape:\{([\d,]*)\}/s.exec(message)?.[1];
  if (given !== undefined) return conditionError(given);
  if (/If nodes condition input must have exactly one element/.test(message)) return conditionError(null);
  const requirement = unmet(message);
  if (requirement) return requirement;
  if (/GatherElements op: Out of range/.test(message)) return REQUIREMENTS.inside;
  const index = /idx=(-?\d+) must be within the inclusive range \[-?\d+,(-?\d+)\]/.exec(message);
  if (index) {
    const size = Number(index[2]) + 1;
    if (Number(index[1]) === BELOW)
      return 'an array is read or set at an index that is below 0 or no whole number, where it has nothing. To count from its end, write at(index).';
    if (Number(index[1]) === ABSENT)
      return 'what a member is read of, or what is called or gone through, is undefined or null there: the condition did not hold, or the loop not run, that gives it a value. Ask first whether it is there: with if, or object?.key.';
    if (Number(index[1]) === EMPTY)
      return 'reduce() of an empty array has no first value. Give it one: reduce(fn, start).';
    if (Number(index[1]) === OUTSIDE)
      return 'an array is changed at an index that it does not have, or gets a length below 0.';
    if (Number(index[1]) === UNREACHED) return UNREACHED_USE;
    const weight = model.initializers.get(node?.input[0] ?? '')?.name;
    return `the index ${index[1]} is out of range${weight ? ` of ${weight}` : ''}: it has ${size} rows, so indices run from 0 to ${size - 1}.`;
  }
  if (message.includes(String(UNEQUAL))) {
    return 'the entries of an array have different sizes, so they cannot be one tensor. Pad them to one size, or use them one by one.';
  }
  const gemm = /Gemm?: Dimension mismatch, W: \{([\d,]+)\} K: (\d+)/i.exec(message);
  if (gemm) {
    return `a tensor of ${gemm[2]} features meets weights of dims [${gemm[1]!.replaceAll(',', ', ')}]. Give a value with as many features as the module's input has.`;
  }
  if (/Incompatible dimensions for matrix multiplication|matmul.*dimension mismatch/i.test(message)) {
    return "the sizes of a matrix multiplication do not fit. Give a value with as many features as the module's input has.";
  }
  if (/Integer modulo by zero/.test(message)) {
    return 'a whole number is divided by 0 to take the rest. Convert it with float() where NaN is wanted.';
  }
  const type = /Type 'tensor\((\w+)\)' of input parameter .* of operator \((\w+)\)/.exec(message);
  if (type) return `${type[2]} cannot take ${type[1]} values. Convert the value with to(…).`;
  return `${plainText(message) || message.trim()}${/[.!?]$/.test(message.trim()) ? '' : '.'}`;
}

/** What is wrong with a condition, or with a number of iterations, of these dims. */
function conditionError(dims: string | null): string {
  const found = dims === null ? '' : ` (its dims are [${dims.replaceAll(',', ', ')}])`;
  return `a condition or a number of iterations is a tensor of one element, and this one has none or several${found}: its truth is ambiguous. Reduce it with any() or all(), or ask for its size.`;
}
