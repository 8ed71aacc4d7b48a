import { Draw } from './draw.ts';
import { modelSteps } from './model-steps.ts';
import type { Program } from './program.ts';
import { steps } from './steps.ts';

const OURS = Object.keys(steps);
const MODELS = Object.keys(modelSteps);

/** Every operation of a block in front of every other, and every operator of a model before and behind each, once. */
export function pairs(seed: number): Program[] {
  const draw = new Draw(seed);
  const made: Program[] = [];
  const add = (before: string | null, own: readonly string[], after: string | null): void => {
    made.push({ before, steps: own, after, rank: draw.int(1, 4), seed: draw.int(0, 2 ** 31 - 1) });
  };
  for (const first of OURS) {
    for (const second of OURS) add(null, [first, second], null);
    for (const model of MODELS) {
      add(model, [first], null);
      add(null, [first], model);
    }
  }
  return made;
}

/** Longer programs. */
export function randomPrograms(count: number, seed: number): Program[] {
  const draw = new Draw(seed + 1);
  return Array.from({ length: count }, () => ({
    before: draw.maybe() ? draw.pick(MODELS) : null,
    steps: Array.from({ length: draw.int(2, 4) }, () => draw.pick(OURS)),
    after: draw.maybe() ? draw.pick(MODELS) : null,
    rank: draw.int(0, 4),
    seed: draw.int(0, 2 ** 31 - 1),
  }));
}
