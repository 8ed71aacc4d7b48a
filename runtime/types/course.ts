import type { Site, Value } from '../graph/types.ts';
import type { SamplingOptions } from '../language/sampling-options.ts';
import type { TokenRules } from '../language/token-rules.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';

/** A step of a generation: its forward is one of several in the trace. */
export interface CourseStep {
  /** Which of the course's generations. */
  readonly generation: number;
  /** Counted from 0. */
  readonly index: number;
}

/** One forward of a trace that has several. */
export interface CourseForward {
  /** The model that runs: the hash of its graph and weights. */
  readonly model: { readonly hash: string };
  /** Which forward it runs in the middle of: its own number, unless its model is called in another one. */
  readonly owner: number;
  /** The inputs that are data, by name. */
  readonly inputs: ReadonlyMap<string, InputTensor>;
  /** The inputs that are values of the graph, by name. */
  readonly given: ReadonlyMap<string, Value>;
  readonly step: CourseStep | null;
  /** The line of the user whom its inputs come from. */
  readonly site: Site | null;
}

/** A step of a generation, of some rows or of all (null). */
export interface AskedStep {
  readonly step: number;
  readonly rows: { readonly start: number; readonly count: number } | null;
}

/** How the tokens of a generation are chosen. */
export interface CourseGeneration {
  readonly sampling: SamplingOptions;
  /** Tokens that end a row. */
  readonly stop: ReadonlySet<number>;
  /** What is appended to rows that have ended. */
  readonly pad: number;
  /** How many new tokens there may be. */
  readonly count: number;
  /** Tokens that are forbidden or demanded; null if none is. */
  readonly rules: TokenRules | null;
}

/** A function between two steps of a generation: it chooses the next tokens of logits, or tells whether a step is reached. */
export type CourseFunction =
  | { readonly kind: 'tokens'; readonly generation: number }
  | ({ readonly kind: 'reached'; readonly generation: number } & AskedStep);

/** What the next step needs of one: the logits of its last position, and its key-value cache by the names of outputs. */
export interface StepOutputs {
  readonly logits: Value;
  readonly cache: ReadonlyMap<string, Value>;
}

/** A trace that is one generation: what is known only when its steps have run. */
export interface LateCourse {
  /** Of the steps that may run, in order. */
  readonly steps: readonly StepOutputs[];
  /** The operands that tell whether a step is reached. */
  readonly conditions: ReadonlyMap<Value, AskedStep>;
  /** The operands that are all tokens at the end. */
  readonly outcomes: ReadonlySet<Value>;
  /** For each save the conditions one of which must hold for it to come back; null holds always. */
  readonly wanted: readonly (readonly (Value | null)[])[];
}

/** How the forwards of a trace follow one another, where it is more than one forward of one model. */
export interface Course {
  /** By their numbers in the graph. */
  readonly forwards: readonly CourseForward[];
  readonly generations: readonly CourseGeneration[];
  /** By the values that they give. */
  readonly functions: ReadonlyMap<Value, CourseFunction>;
  readonly late: LateCourse | null;
}
