import type { Builder } from './builder.ts';
import { TensorProxy } from './proxy.ts';
import { type SavedProxy, save } from './saves.ts';

/** A line to print once the values are there. */
export interface LogLine {
  readonly method: 'log' | 'info' | 'warn' | 'error' | 'debug';
  readonly values: readonly unknown[];
}

const linesOf = new WeakMap<Builder, LogLine[]>();

/** Prints values when the model has run; in a branch that does not run nothing is printed. */
export function print(target: Builder, method: LogLine['method'], values: readonly unknown[]): void {
  const lines = linesOf.get(target) ?? [];
  linesOf.set(target, lines);
  lines.push({ method, values: values.map((value) => (value instanceof TensorProxy ? save(value) : value)) });
}

/** Prints all lines of a block whose saves have their results. */
export function printLines(target: Builder): void {
  for (const { method, values } of linesOf.get(target) ?? []) {
    const results = values.map((value) => (value instanceof TensorProxy ? (value as SavedProxy).result?.value : value));
    const missing = values.some((value, i) => value instanceof TensorProxy && results[i] === undefined);
    if (!missing) console[method](...results);
  }
}
