import type { ForwardRun } from '../execution/forward-run.ts';
import type { Value } from '../graph/types.ts';
import type { Course, CourseFunction, CourseGeneration, LateCourse } from '../types/course.ts';
import { ModelIdentity } from './backend.ts';
import type { LateInputs } from './late-inputs.ts';
import type { SettledGraph } from './settled-graph.ts';

/** What a trace of several forwards has recorded of how they follow one another. */
export interface CourseParts {
  readonly runs: readonly ForwardRun[];
  /** What forwards take of earlier ones, by their numbers. */
  readonly taken: ReadonlyMap<number, LateInputs>;
  readonly generations: readonly CourseGeneration[];
  /** The functions between the steps of generations, by the values of the block that they give. */
  readonly betweenSteps: ReadonlyMap<Value, CourseFunction>;
  /** What is known only when the steps of the one generation that the trace is have run; null for any other trace. */
  readonly late: LateCourse | null;
}

/** How the forwards of a trace follow one another, as data. */
export function recordedCourse(
  settled: SettledGraph,
  { runs, taken, generations, betweenSteps, late }: CourseParts,
): Course {
  // The forwards of a generation that is no part of a session are its steps, in order.
  const steps = late ? runs.flatMap(({ owner }, id) => (owner === id ? [id] : [])) : [];
  const stepOf = (id: number) => (steps.includes(id) ? { generation: 0, index: steps.indexOf(id) } : null);
  return {
    forwards: runs.map(({ engine, owner, inputs }, id) => ({
      model: new ModelIdentity(engine.model),
      owner,
      inputs: taken.get(id)?.data() ?? inputs,
      given: settled.named(taken.get(id)?.values ?? new Map()),
      step: taken.get(id)?.step ?? stepOf(id),
      site: taken.get(id)?.site ?? null,
    })),
    generations,
    functions: new Map(Array.from(betweenSteps, ([made, fn]) => [settled.value(made), fn])),
    late,
  };
}
