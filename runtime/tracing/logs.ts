import { Tensor } from '../tensor/tensor.ts';
import type { Builder } from './builder.ts';
import { saving } from './hidden.ts';
import { TensorProxy } from './proxy.ts';
import { isSaved, type SavedProxy, saveTensor } from './saves.ts';

/** A line to print once the values are there. */
export interface LogLine {
  readonly method: 'log' | 'info' | 'warn' | 'error' | 'debug';
  readonly values: readonly unknown[];
  /** Saved beside it in a branch or loop of the graph: it comes back as often as the line is reached. */
  readonly witness: SavedProxy | null;
}

/** Prints values when the model has run; in a branch that does not run nothing is printed. */
export function print(target: Builder, method: LogLine['method'], values: readonly unknown[]): void {
  const kept = values.map((value) => (value instanceof TensorProxy ? saveTensor(value) : value));
  target.lines.push({ method, values: kept, witness: target.isRecording ? (saveTensor(true) as SavedProxy) : null });
}

/** Prints all lines of a block whose saves have their results; a line in a loop once per iteration. */
export function printLines(target: Builder): void {
  for (const { method, values, witness } of target.lines) {
    const results = values.map((value) => (isSaved(value) ? value[saving].result?.value : value));
    const missing = values.some((value, i) => isSaved(value) && results[i] === undefined);
    if (missing || (witness && witness[saving].result?.value === undefined)) continue;
    const stacks = results.map((result, i) => (isStacked(values[i]) ? entriesOf(result) : null));
    const counted = isStacked(witness) ? entriesOf(witness?.[saving].result?.value) : null;
    const times = (counted ?? stacks.find((stack) => stack !== null))?.length ?? 1;
    for (let time = 0; time < times; time++) {
      console[method](...results.map((result, i) => (stacks[i] ? stacks[i][time] : result)));
    }
  }
}

/** Whether a value has an entry per iteration of a loop. */
function isStacked(value: unknown): boolean {
  if (!isSaved(value)) return false;
  const { state } = value[saving];
  return typeof state === 'object' && state?.kind === 'list' && state.loop;
}

function entriesOf(result: unknown): readonly unknown[] {
  if (!(result instanceof Tensor)) return result as readonly unknown[];
  return Array.from({ length: result.dims[0]! }, (_, i) => Reflect.get(result, i));
}
