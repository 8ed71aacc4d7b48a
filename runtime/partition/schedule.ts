import type { Node } from '../graph/types.ts';
import type { Unit } from '../lowering/dependencies.ts';

/** What runs next: a piece of the model (its number), the call of a module, or steps that run together. */
export type Turn = number | Node | readonly Node[];

/**
 * Puts the steps of an intervention graph between the pieces of a model. `units` are in an order in which each finds
 * what it needs. Steps run as late as they can, so that few sessions are needed: right before the first piece that
 * needs them, or at the end.
 */
export function schedule(units: readonly Unit[], needs: (unit: Unit) => readonly Unit[]): Turn[] {
  const deadlines = deadlinesOf(units, needs);
  const levels = levelsOf(units, needs, deadlines);
  const turns: Turn[] = [];
  units.forEach((unit, position) => {
    if (typeof unit !== 'number') return;
    turns.push(...groups(units, position, deadlines, levels), unit);
  });
  turns.push(...groups(units, units.length, deadlines, levels));
  return turns;
}

/** The position of the first piece that needs each step; the number of units for what only the result needs. */
function deadlinesOf(units: readonly Unit[], needs: (unit: Unit) => readonly Unit[]): Map<Unit, number> {
  const deadlines = new Map<Unit, number>();
  for (let position = units.length - 1; position >= 0; position--) {
    const unit = units[position]!;
    const own = typeof unit === 'number' ? position : (deadlines.get(unit) ?? units.length);
    deadlines.set(unit, own);
    for (const need of needs(unit)) {
      if (typeof need !== 'number') deadlines.set(need, Math.min(own, deadlines.get(need) ?? own));
    }
  }
  return deadlines;
}

/** How many calls of modules stand one after another before each step, among those with its deadline. */
function levelsOf(
  units: readonly Unit[],
  needs: (unit: Unit) => readonly Unit[],
  deadlines: ReadonlyMap<Unit, number>,
): Map<Unit, number> {
  const levels = new Map<Unit, number>();
  for (const unit of units) {
    if (typeof unit === 'number') continue;
    const before = needs(unit).filter(
      (need) => typeof need !== 'number' && deadlines.get(need) === deadlines.get(unit),
    ) as Node[];
    levels.set(unit, Math.max(0, ...before.map((need) => levels.get(need)! + (need.op === 'call' ? 1 : 0))));
  }
  return levels;
}

function groups(
  units: readonly Unit[],
  deadline: number,
  deadlines: ReadonlyMap<Unit, number>,
  levels: ReadonlyMap<Unit, number>,
): Turn[] {
  const due = units.filter((unit) => typeof unit !== 'number' && deadlines.get(unit) === deadline) as Node[];
  const turns: Turn[] = [];
  for (let level = 0; due.some((node) => levels.get(node)! >= level); level++) {
    const own = due.filter((node) => levels.get(node) === level);
    const together = own.filter(({ op }) => op !== 'call');
    if (together.length > 0) turns.push(together);
    turns.push(...own.filter(({ op }) => op === 'call'));
  }
  return turns;
}
