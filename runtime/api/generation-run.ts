import type { ExecutionOptions } from '../execution/execution.ts';
import type { TraceRun } from '../execution/trace-run.ts';
import type { Value } from '../graph/types.ts';
import { type AnyTensor, Tensor } from '../tensor/tensor.ts';
import type { LateCourse } from '../types/course.ts';
import type { Decoding } from './decoding.ts';

/**
 * Runs a trace that is one generation: step after step, each on what the one before has left, until all rows have ended;
 * then what only that tells. Gives the saves of its graph; a value of a step that was not reached is undefined.
 * @param stepOf the step of a forward; -1 for the forward of another model that is called in a step
 */
export async function runGeneration(
  run: TraceRun,
  { steps, conditions, outcomes, wanted }: LateCourse,
  decoding: Decoding,
  stepOf: (forward: number) => number,
  options: ExecutionOptions,
): Promise<(Tensor | undefined)[]> {
  const outputs = steps.map(({ logits, cache }) => ({
    logits: run.value(logits),
    cache: Array.from(cache, ([name, value]) => [name, run.value(value)] as const),
  }));
  for (const [forward, one] of run.forwards.entries()) {
    if (stepOf(forward) < 0 || stepOf(forward) >= outputs.length) continue;
    one.alike = run.forwards.filter(({ engine, owner }, other) => owner === other && engine === one.engine).length;
    const last = outputs[stepOf(forward) - 1];
    if (!last) continue;
    one.given = new Map(last.cache);
    one.awaited = [last.logits];
  }
  const execution: ExecutionOptions = {
    ...options,
    async before(forward, values) {
      const step = stepOf(forward);
      options.signal?.throwIfAborted();
      if (step === 0) return true;
      const last = outputs[step - 1];
      if (step >= outputs.length || !last) return false;
      if (!(await decoding.advance(values.get(last.logits)))) return false;
      const past = new Map(last.cache.map(([name, value]) => [name, values.get(value)!]));
      run.forwards[forward]!.inputs = decoding.inputs(run.forwards[forward]!.engine.model, past);
      return true;
    },
  };
  const ran = await run.run(execution);
  // The token of the last step, which no further step asks for.
  const last = ran.tensor(outputs.at(-1)!.logits);
  if (last) await decoding.advance(last);
  const known = (value: Value): AnyTensor => {
    const asked = conditions.get(value);
    return asked && !outcomes.has(value) ? Tensor.from(decoding.gotTo(asked.step, asked.rows)) : decoding.sequences();
  };
  const isReached = (condition: Value | null) => condition === null || Boolean(known(condition).item());
  return run.finish(ran, execution, known, (save) => wanted[save]?.some(isReached) ?? true);
}
