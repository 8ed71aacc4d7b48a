import { CompileError } from '../../../compiler/diagnostics.ts';
import { TraceError } from '../../../runtime/errors.ts';
import { Tensor } from '../../../runtime/index.ts';
import { asJavaScript, compile, FILES, type Outcome, onPlainValues, onTracedValues } from './ways.ts';

/**
 * What became of a program that was run in three ways:
 * - `equal`: all gave the same
 * - `refused`: an error of ours at one of its lines
 * - `different`: another value than JavaScript's, or one where JavaScript throws
 * - `broken`: an error that is not ours, has no line of the program, or is the engine's
 * - `unfit`: it proves nothing, as it throws in all ways, gives what is no number, or has numbers too large for single precision
 */
export interface Verdict {
  readonly kind: 'equal' | 'refused' | 'different' | 'broken' | 'unfit';
  /** Of what is not equal: why, without names and numbers, so that like programs are counted together. */
  readonly reason: string;
  /** The three ends, to be read. */
  readonly ends: Readonly<Record<'javascript' | 'plain' | 'traced', string>>;
}

const LARGEST = 2 ** 20;

class Inexact extends Error {}

export async function judge(text: string): Promise<Verdict> {
  const javascript = asJavaScript(text);
  const ends = { javascript: told(javascript), plain: '', traced: '' };
  if ('error' in javascript) return throwing(text, javascript.error, ends);
  if (!isOfNumbers(javascript.value)) return { kind: 'unfit', reason: '', ends };
  let compiled: string;
  try {
    compiled = compile(text);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { kind: 'refused', reason: reasonOf(error.message), ends };
  }
  const plain = onPlainValues(compiled, (result) => {
    if (typeof result === 'number' && Math.abs(result) > LARGEST) throw new Inexact();
  });
  ends.plain = told(plain);
  if ('error' in plain && plain.error instanceof Inexact) return { kind: 'unfit', reason: '', ends };
  if (ends.plain !== ends.javascript) return { kind: 'different', reason: 'on plain values', ends };
  const numbers = numbersOf(javascript.value);
  const outside = Object.fromEntries(Object.keys(numbers).map((name) => [name, 0]));
  const traced = await onTracedValues(compiled, outside);
  ends.traced = told(traced);
  if ('error' in traced) return { ...errorOf(traced.error), ends };
  const first = difference(javascript.value, traced.value) ?? difference(numbers, outside);
  return first === null ? { kind: 'equal', reason: '', ends } : { kind: 'different', reason: first, ends };
}

/** Of a program that throws: whether it gives something on traced values. */
async function throwing(text: string, error: unknown, ends: Verdict['ends']): Promise<Verdict> {
  const isTimeout = (error as { code?: string }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
  if (isTimeout || error instanceof SyntaxError) return { kind: 'unfit', reason: '', ends };
  try {
    const traced = await onTracedValues(compile(text));
    if ('error' in traced) return { kind: 'unfit', reason: '', ends };
    return { kind: 'different', reason: 'JavaScript throws', ends: { ...ends, traced: told(traced) } };
  } catch (refusal) {
    if (!(refusal instanceof CompileError)) throw refusal;
    return { kind: 'unfit', reason: '', ends };
  }
}

/** Whether a result is made of finite numbers, truths, and undefined for what was not saved. */
function isOfNumbers(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isOfNumbers);
  return value === undefined || typeof value === 'boolean' || Number.isFinite(value);
}

/** The fields that are numbers or truths. */
function numbersOf(result: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(result ?? {}).filter(([, one]) => ['number', 'boolean'].includes(typeof one)),
  );
}

function errorOf(error: unknown): Pick<Verdict, 'kind' | 'reason'> {
  if (!(error instanceof TraceError)) return { kind: 'broken', reason: `not ours: ${reasonOf(String(error))}` };
  const { message, site } = error;
  const isDemanded = /is undefined or null there/.test(message);
  const isEngine = !isDemanded && /could not run( with this intervention)?:/.test(message);
  if (isEngine) return { kind: 'broken', reason: `the engine: ${reasonOf(message)}` };
  if (!site || !FILES.includes(site.file)) return { kind: 'broken', reason: `no line: ${reasonOf(message)}` };
  return { kind: 'refused', reason: reasonOf(message) };
}

/** A message without what differs from program to program. */
function reasonOf(message: string): string {
  return message
    .replace(/^\S+:\d+:\d+ - /, '')
    .replace(/'[^']*'/g, "'…'")
    .replace(/-?\d+(\.\d+)?/g, '#')
    .slice(0, 160);
}

/** The first field in which two results differ; null if they agree. */
function difference(a: unknown, b: unknown): string | null {
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
  const found = keys.find((key) => JSON.stringify(plainOf(one[key])) !== JSON.stringify(plainOf(other[key])));
  return found === undefined ? null : found.replace(/\d+/g, '#');
}

/** Numbers in single precision, and arrays of them: a tensor as the numbers in it, a truth as 0 or 1. */
function plainOf(value: unknown): unknown {
  if (value instanceof Tensor) return plainOf(value.dims.length === 0 ? value.item() : value.toArray());
  if (Array.isArray(value)) return value.map(plainOf);
  if (typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'number')
    return Math.fround(Number(value)) + 0;
  if (value === undefined || value === null) return 'nothing';
  return `${typeof value} ${(value as object).constructor?.name}`;
}

function told(outcome: Outcome): string {
  if ('error' in outcome) return String(outcome.error);
  const fields = Object.entries(outcome.value ?? {}).map(([key, value]) => [key, plainOf(value)]);
  return JSON.stringify(Object.fromEntries(fields));
}
