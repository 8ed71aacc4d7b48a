import { expect, it } from 'vitest';
import { FairTurns } from '../../server/fair-turns.ts';

/** The users of jobs in the order in which they start: those that come first, then one more whenever a job has ended. */
function served(first: readonly string[], more: readonly string[]): string {
  const turns = new FairTurns();
  let arrived = 0;
  const arrive = (user: string) => ({ user, turn: turns.next(user), arrived: arrived++ });
  const waiting = first.map(arrive);
  const order: string[] = [];
  for (const next of [...more, ...Array<string>(first.length).fill('')]) {
    waiting.sort((a, b) => a.turn - b.turn || a.arrived - b.arrived);
    const job = waiting.shift()!;
    turns.started(job.turn);
    order.push(`${job.user}${job.arrived}`);
    if (next) waiting.push(arrive(next));
  }
  return order.join(' ');
}

it('the jobs of one user start in their order, however many have ended when they come', () => {
  expect(served(['a', 'a', 'a'], ['a', 'a', 'a'])).toBe('a0 a1 a2 a3 a4 a5');
});

it('a user who comes later takes turns with one who has many jobs', () => {
  expect(served(['a', 'a', 'a', 'a', 'a'], ['b', 'b'])).toBe('a0 b5 a1 b6 a2 a3 a4');
});

it('one who was away gets no more than the others', () => {
  expect(served(['a', 'a', 'a'], ['a', 'a', 'b', 'b', 'b'])).toBe('a0 a1 a2 b5 a3 b6 a4 b7');
});
