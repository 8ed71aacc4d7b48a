import type { RepeatedEffort, Spread } from './measure.ts';
import type { BenchModel } from './model/gpt2-model.ts';

/** One line of the table. */
export interface Line {
  readonly what: string;
  /** The measurement, or the reason why there is none. */
  readonly result: Spread | { readonly missing: string } | { readonly failed: string };
  /** `×`: a ratio to plain ONNX Runtime; else the unit. */
  readonly unit: '×' | 'ms' | 'built';
  /** The largest result that is good enough; null where a row did not get so far as to say. */
  readonly bar: number | null;
  /** Further details, such as the times behind a ratio. */
  readonly note?: string;
}

/** The tools of a row. */
export interface Bench {
  readonly model: BenchModel;
  readonly quick: boolean;
  /** For one comparison of two things that take milliseconds. */
  readonly effort: RepeatedEffort;
}

/** Measures one row of the table, or a few that belong together. Every row has a process of its own. */
export type Row = (bench: Bench) => Promise<Line[]>;

/** The middle times of two things, for a note. */
export const times = (ours: number, plain: number) => `${ours.toFixed(2)} ms, plain ${plain.toFixed(2)} ms`;
