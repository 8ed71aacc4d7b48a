import { TraceError } from '../errors.ts';
import { isCompiled } from '../operators/blocks.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Tracer } from './tracer.ts';

/** A function of the user that builds a graph while it runs. */
export type Block<T extends unknown[] = [Tracer]> = (...values: T) => unknown;

/** Whether a value that a user gave is a block. */
export function isBlock<T extends unknown[] = [Tracer]>(value: unknown): value is Block<T> {
  return typeof value === 'function';
}

const CANNOT_BE_COMPILED = /^async\b|^function\s*\*|\bawait\b|\btry\b/;

/** Throws a TraceError for a block that the compiler has not seen. */
export function checkCompiled(block: (...values: never[]) => unknown): void {
  if (isCompiled(block)) return;
  const left = CANNOT_BE_COMPILED.test(Function.prototype.toString.call(block))
    ? ' A function that is async or a generator, or has `await` or `try` in it, cannot be a block, and is left as it is where it is given by its name.'
    : '';
  throw new TraceError(
    `The block${block.name ? ` ${block.name}` : ''} was not compiled, so its operators and conditions cannot become part of the model.${left} Run the file through the onnsight plugin (\`node --import onnsight/register\`, onnsight/vite, tsc of TypeScript 5.4 to 6 with ts-patch), or build with \`npx onnsight build\`: the tsc of TypeScript 7 has no plugins; a file is compiled that imports something from 'onnsight'; for a function that is defined elsewhere, put the directive 'use trace' at its top.`,
    callerSite(),
  );
}

/**
 * Throws a TraceError inside a block: a trace opened there would run after the block. It throws at once, since the promise
 * may not be awaited.
 */
export function checkOutside(what: string): void {
  if (!activeBuilder()) return;
  throw new TraceError(
    `${what} is opened inside a block. Put one after the other; to use values of one in another without saving them, write model.session((session) => { … }) around and session.trace(inputs, block) in it.`,
    callerSite(),
  );
}
