import { activeBuilder } from '../../tracing/builder.ts';
import { shownFile } from '../../tracing/shown-file.ts';
import { userFrame } from '../../user-frames.ts';

/** Whose code asks, where the user's has called it; Node's own counts as a library's. */
export type Caller = 'user' | 'onnsight' | 'library';

/**
 * The line of the user's code on whose behalf `trap` was called; null if there is none, while a library is loaded, where
 * a library is called by this one, and where the direct caller is one that `isAsked` doesn't mean.
 */
export function usersPlace(trap: object, isAsked: (by: Caller) => boolean): string | null {
  const usual = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, trap as () => unknown);
  Error.stackTraceLimit = usual;
  let by: Caller | null = null;
  for (const line of holder.stack!.split('\n').slice(1)) {
    if (line.includes('node:internal/modules/')) return null;
    if (!/:\d+:\d+\)?$/.test(line)) continue;
    const frame = userFrame(line);
    const isLibrary = line.includes('node:') || /[\\/]node_modules[\\/]/.test(frame?.file ?? '');
    // A library that this one has called asks for itself; what a block calls goes through the operators.
    if (by === 'library' && !isLibrary && !frame && !activeBuilder()) return null;
    by ??= isLibrary ? 'library' : frame ? 'user' : 'onnsight';
    if (isLibrary || !frame) continue;
    return isAsked(by) ? `${shownFile(frame.file)}:${frame.line}:${frame.column}` : null;
  }
  return null;
}
