import * as z from 'zod';
import { GraphError } from '../graph/error.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import { siteSchema } from '../graph/json.ts';
import type { Value } from '../graph/types.ts';
import { valuesIn } from '../graph/walk.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Course, LateCourse, StepOutputs } from '../types/course.ts';
import { numberInputs } from './number-inputs.ts';

const index = z.int().nonnegative();
const tokens = z.array(index).readonly();
const asked = { step: index, rows: z.strictObject({ start: index, count: index }).nullable() };
const stepOutputs = z.strictObject({ logits: index, cache: z.record(z.string(), index) });
const late = z.strictObject({
  steps: z.array(stepOutputs).min(1),
  conditions: z.array(z.strictObject({ value: index, ...asked })),
  outcomes: z.array(index),
  wanted: z.array(z.array(index.nullable())),
});
const generation = z.strictObject({
  sampling: z.strictObject({
    doSample: z.boolean().optional(),
    temperature: z.number().nonnegative().optional(),
    topK: index.optional(),
    topP: z.number().positive().max(1).optional(),
    repetitionPenalty: z.number().positive().optional(),
    seed: z.int().optional(),
  }),
  stop: z.array(index),
  pad: index,
  count: index,
  rules: z
    .strictObject({
      suppressTokens: tokens,
      beginSuppressTokens: tokens,
      badWordsIds: z.array(tokens).readonly(),
      forcedBosTokenId: index.nullable(),
      forcedEosTokenIds: tokens,
    })
    .nullable(),
});
const fn = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('tokens'), generation: index }),
  z.strictObject({ kind: z.literal('reached'), generation: index, ...asked }),
]);

/** The schema of a course whose tensors are written as `tensor` says. */
export function courseSchema<T extends z.ZodType>(tensor: T) {
  const forward = z.strictObject({
    /** The hash of the model. */
    model: z.string(),
    owner: index,
    inputs: z.record(z.string(), tensor),
    given: z.record(z.string(), index),
    step: z.strictObject({ generation: index, index }).nullable(),
    site: siteSchema,
  });
  return z.strictObject({
    forwards: z.array(forward).min(1),
    generations: z.array(generation),
    functions: z.array(z.strictObject({ value: index, fn })),
    late: late.nullable(),
  });
}

/** A course as data, in which values are their ids. */
export type CourseJson<T> = Omit<z.infer<ReturnType<typeof courseSchema<z.ZodType<unknown>>>>, 'forwards'> & {
  readonly forwards: readonly {
    readonly model: string;
    readonly owner: number;
    readonly inputs: Readonly<Record<string, T>>;
    readonly given: Readonly<Record<string, number>>;
    readonly step: Course['forwards'][number]['step'];
    readonly site: Course['forwards'][number]['site'];
  }[];
};

/** A course as data. @param write makes what stands for a tensor */
export function courseToJson<T>(
  { forwards, generations, functions, late: own }: Course,
  write: (tensor: Tensor) => T,
): CourseJson<T> {
  const tensors = (inputs: ReadonlyMap<string, InputTensor>) =>
    Object.fromEntries(numberInputs(Object.fromEntries(inputs)).map(([name, tensor]) => [name, write(tensor)]));
  return {
    forwards: forwards.map(({ model, owner, inputs, given, step, site }) => {
      return { model: model.hash, owner, inputs: tensors(inputs), given: idsOf(given), step, site };
    }),
    generations: generations.map(({ sampling, stop, pad, count, rules }) => ({
      sampling,
      stop: [...stop],
      pad,
      count,
      rules,
    })),
    functions: Array.from(functions, ([{ id }, one]) => ({ value: id, fn: one })),
    late: own && lateToJson(own),
  };
}

function lateToJson({ steps, conditions, outcomes, wanted }: LateCourse): z.infer<typeof late> {
  return {
    steps: steps.map(({ logits, cache }) => ({ logits: logits.id, cache: idsOf(cache) })),
    conditions: Array.from(conditions, ([{ id }, { step, rows }]) => ({ value: id, step, rows })),
    outcomes: Array.from(outcomes, ({ id }) => id),
    wanted: wanted.map((conditions) => conditions.map((condition) => condition?.id ?? null)),
  };
}

function idsOf(values: ReadonlyMap<string, Value>): Record<string, number> {
  return Object.fromEntries(Array.from(values, ([name, { id }]) => [name, id]));
}

/** Reads the course of a graph. Throws a GraphError for what it names and is not there. @param read makes a tensor of what stands for it */
export function courseFromJson<T>(
  json: CourseJson<T>,
  graph: InterventionGraph,
  read: (tensor: T, path: string) => Tensor,
): Course {
  const byId = new Map<number, Value | null>();
  // Values of bodies that are not one in another may have one id: such an id names none.
  for (const value of valuesIn(graph.root)) byId.set(value.id, byId.has(value.id) ? null : value);
  const find = (id: number, path: string): Value => {
    const found = byId.get(id);
    if (found) return found;
    throw new GraphError(`${path}: there is no value %${id}${found === null ? ', but several' : ''}`);
  };
  const values = (ids: Readonly<Record<string, number>>, path: string) =>
    new Map(Object.entries(ids).map(([name, id]) => [name, find(id, `${path}.${name}`)]));
  return {
    forwards: json.forwards.map(({ model: hash, owner, inputs, given, step, site }, i) => {
      const path = `course.forwards[${i}]`;
      const tensors = Object.entries(inputs).map(
        ([name, tensor]) => [name, read(tensor, `${path}.inputs.${name}`)] as const,
      );
      return {
        model: { hash },
        owner,
        inputs: new Map<string, InputTensor>(tensors),
        given: values(given, `${path}.given`),
        step,
        site,
      };
    }),
    generations: json.generations.map(({ sampling, stop, pad, count, rules }) => ({
      sampling: sampling as Course['generations'][number]['sampling'],
      stop: new Set(stop),
      pad,
      count,
      rules,
    })),
    functions: new Map(json.functions.map(({ value, fn: one }, i) => [find(value, `course.functions[${i}]`), one])),
    late: json.late && lateFromJson(json.late, find, values),
  };
}

function lateFromJson(
  { steps, conditions, outcomes, wanted }: z.infer<typeof late>,
  find: (id: number, path: string) => Value,
  values: (ids: Readonly<Record<string, number>>, path: string) => ReadonlyMap<string, Value>,
): LateCourse {
  return {
    steps: steps.map(({ logits, cache }, i): StepOutputs => {
      const path = `course.late.steps[${i}]`;
      return { logits: find(logits, path), cache: values(cache, path) };
    }),
    conditions: new Map(conditions.map(({ value, ...one }, i) => [find(value, `course.late.conditions[${i}]`), one])),
    outcomes: new Set(outcomes.map((id, i) => find(id, `course.late.outcomes[${i}]`))),
    wanted: wanted.map((ids, i) => ids.map((id) => (id === null ? null : find(id, `course.late.wanted[${i}]`)))),
  };
}
