import type { Region, Value } from '../graph/types.ts';
import { valuesIn } from '../graph/walk.ts';
import type { Tape, TapedCall, TapedRun, TapedSum } from './tape.ts';

/**
 * Gives what an iteration has put onto a tape names of its own, as the next one makes the same values. Gives the names of
 * some of them.
 * @param from where on the tape the iteration begins
 */
export function nameIteration(tape: Tape, from: number, body: Region, values: readonly Value[]): readonly Value[] {
  const names = new Map(valuesIn(body).map((value) => [value, { ...value }]));
  const named = (value: Value) => names.get(value) ?? value;
  for (let i = from; i < tape.length; i++) tape[i] = withNames(tape[i]!, named);
  return values.map(named);
}

function withNames(entry: TapedRun | TapedCall | TapedSum, named: (value: Value) => Value) {
  if (entry.kind !== 'run') return { ...entry, value: named(entry.value), inputs: entry.inputs.map(named) };
  return {
    ...entry,
    saves: entry.saves.map(named),
    operands: entry.operands.map((value) => value && named(value)),
    inputs: new Map([...entry.inputs].map(([name, value]) => [name, named(value)])),
  };
}
