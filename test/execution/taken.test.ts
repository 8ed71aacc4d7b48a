import { expect, it } from 'vitest';
import type { ForwardRun } from '../../runtime/execution/forward-run.ts';
import type { Stage } from '../../runtime/execution/stages.ts';
import { Taken } from '../../runtime/execution/taken.ts';
import type { Node, Value } from '../../runtime/graph/types.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';

const value = (id: number): Value => ({ id, type: { dtype: 'float32', shape: [] }, node: null, index: 0 });
const [cache, logits, saved, shared] = [0, 1, 2, 3].map(value) as [Value, Value, Value, Value];

/** Steps of a generation: each reads something, and takes what the one before has left. */
const stage = (forward: number, inputs: readonly Value[]): Stage => {
  const attributes = { forward, path: '', port: 'output', index: 0, call: 0 };
  const node = { op: 'call', attributes, inputs, outputs: [], regions: [], site: null } as unknown as Node;
  return { forward, hosted: null, nodes: [node], saves: [] };
};

it('what a step leaves for the next one goes when that has run; what is wanted, or taken later, stays', () => {
  const inputs = new Map([['input', Tensor.from([1])]]);
  const runs = [
    { inputs },
    { inputs, given: new Map([['past', cache]]), awaited: [logits] },
    { inputs, given: new Map([['encoder', shared]]) },
  ] as unknown as ForwardRun[];
  const stages = [stage(0, []), stage(1, [saved, shared]), stage(2, [])];
  const taken = new Taken(runs);
  taken.plan(stages, [saved], []);
  const values = new Map([cache, logits, saved, shared].map((one) => [one, Tensor.from(1)]));
  taken.release(stages[0]!, values);
  expect([...values.keys()]).toEqual([cache, logits, saved, shared]);
  taken.release(stages[1]!, values);
  expect([...values.keys()]).toEqual([saved, shared]);
  taken.release(stages[2]!, values);
  expect([...values.keys()]).toEqual([saved]);
  // The prompt is the user's; what steps were fed is made of what they took.
  expect(runs.map((run) => run.inputs.size)).toEqual([1, 0, 0]);
});
