import type { Site } from '../graph/types.ts';
import { builder } from '../tracing/builder.ts';
import type { Slot } from '../tracing/journal.ts';
import { SaveSlot } from '../tracing/saves.ts';
import { type State, VariableSlot } from '../tracing/slots.ts';
import type { StepRange } from '../tracing/step-range.ts';
import { type Completion, isAbrupt, withoutBreak, withoutContinue } from './completions.ts';
import { andThen } from './conditionals.ts';
import { type Iteration, mergeSteps, whereReached } from './step-merge.ts';

/**
 * `for…of` over steps of a generation that may end early. An iteration takes place only after those before it: so each
 * goes on from what the last one left, as in JavaScript, and what stands after the loop is chosen by how far it got.
 */
export function forSteps(
  { steps }: StepRange,
  body: (step: unknown) => Completion,
  state: State | null,
  site: Site,
  label: string | null,
): Completion {
  const target = builder();
  const variables = state?.names.map((_, index) => new VariableSlot(state, index)) ?? [];
  const iterations: Iteration[] = [];
  let first: Completion;
  let end: Completion;
  while (!isAbrupt(end)) {
    const { done, value: step } = steps.next();
    if (done) break;
    const run = () => {
      end = andThen(end, () => withoutContinue(body(step.index), label), state, site);
    };
    if (step.reached) {
      const changes = target.watch(run, variables).filter(({ slot }) => outlives(slot, variables));
      iterations.push({ reached: step.reached, changes, end });
    } else {
      run();
      first = end;
    }
  }
  steps.return?.();
  target.site = site;
  mergeSteps(target, iterations);
  const ended = iterations.reduce(
    (before, { reached, end: after }) => whereReached(target, reached, 'the result', after, before),
    first,
  );
  return withoutBreak(ended, label);
}

function outlives(slot: Slot, variables: readonly Slot[]): boolean {
  if (slot.isOfForward || slot instanceof SaveSlot) return false;
  return !(slot instanceof VariableSlot) || variables.includes(slot);
}
