import { GraphError } from '../graph/error.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Site, Value } from '../graph/types.ts';
import { valuesIn } from '../graph/walk.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type {
  AskedStep,
  Course,
  CourseFunction,
  CourseGeneration,
  CourseStep,
  LateCourse,
  StepOutputs,
} from '../types/course.ts';
import { numberInputs } from './number-inputs.ts';

/** What is known of a generation when it runs, in which values are their ids. */
interface LateJson {
  readonly steps: readonly { readonly logits: number; readonly cache: Readonly<Record<string, number>> }[];
  readonly conditions: readonly (AskedStep & { readonly value: number })[];
  readonly outcomes: readonly number[];
  readonly wanted: readonly (readonly (number | null)[])[];
}

/** A course as data, in which values are their ids. */
export interface CourseJson<T> {
  readonly forwards: readonly {
    /** The hash of the model. */
    readonly model: string;
    readonly owner: number;
    readonly inputs: Readonly<Record<string, T>>;
    readonly given: Readonly<Record<string, number>>;
    readonly step: CourseStep | null;
    readonly site: Site | null;
  }[];
  readonly generations: readonly (Omit<CourseGeneration, 'stop'> & { readonly stop: readonly number[] })[];
  readonly functions: readonly { readonly value: number; readonly fn: CourseFunction }[];
  readonly late: LateJson | null;
}

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

function lateToJson({ steps, conditions, outcomes, wanted }: LateCourse): LateJson {
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
      sampling,
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
  { steps, conditions, outcomes, wanted }: LateJson,
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
