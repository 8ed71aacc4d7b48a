import { usesOf } from '../graph/live.ts';
import type { Value } from '../graph/types.ts';
import { ort } from '../ort/ort.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ForwardRun } from './forward-run.ts';
import { fromTensor } from './session-tensors.ts';
import { type Stage, usedForwards } from './stages.ts';

/** What the stages of a run take of one another: a value goes when the last of them that takes it has run. */
export class Taken {
  private readonly forwards: readonly ForwardRun[];
  /** What nobody takes any more, by the stage that was the last. */
  private readonly values = new Map<Stage, Value[]>();
  private readonly inputs = new Map<Stage, ForwardRun[]>();
  /** The values whose tensors nobody holds but the forwards that take them. */
  private own: ReadonlySet<Value> = new Set();

  constructor(forwards: readonly ForwardRun[]) {
    this.forwards = forwards;
  }

  /**
   * @param wanted values that stay
   * @param own values whose tensors nobody else is handed
   */
  plan(stages: readonly Stage[], wanted: readonly Value[], own: readonly Value[]): void {
    this.own = new Set(own);
    const values = new Map<Value, Stage>();
    const runs = new Map<ForwardRun, Stage>();
    for (const stage of stages) {
      const nodes = stage.hosted ? [...stage.nodes, stage.hosted] : stage.nodes;
      const forwards = new Set([...nodes.flatMap(usedForwards), ...(stage.forward === null ? [] : [stage.forward])]);
      const own = [...forwards].map((forward) => this.forwards[forward]!);
      const taken = own.flatMap(({ given, awaited = [] }) => [...(given?.values() ?? []), ...awaited]);
      // What a stage makes and gives away stays, though it takes it itself: the logits that the last token is chosen by.
      const made = new Set(stage.saves);
      for (const value of [...nodes.flatMap(usesOf), ...taken]) if (!made.has(value)) values.set(value, stage);
      // Other inputs are the user's, and no more of them come.
      for (const run of own) if (run.given) runs.set(run, stage);
    }
    for (const value of wanted) values.delete(value);
    invert(values, this.values);
    invert(runs, this.inputs);
  }

  /** Lets go of what only stages up to this one take. */
  release(stage: Stage, values: Map<Value, Tensor>): void {
    const gone: Tensor[] = [];
    for (const value of this.values.get(stage) ?? []) {
      const tensor = values.get(value);
      if (tensor && this.own.has(value)) gone.push(tensor);
      values.delete(value);
    }
    for (const run of this.inputs.get(stage) ?? []) run.inputs = new Map();
    if (gone.length === 0) return;
    // Two values may be one tensor.
    const held = new Set(Array.from(values.values(), ({ raw }) => raw.buffer));
    for (const tensor of gone) if (!held.has(tensor.raw.buffer)) ort.free(fromTensor(tensor));
  }
}

function invert<K>(last: ReadonlyMap<K, Stage>, lists: Map<Stage, K[]>): void {
  for (const [key, stage] of last) {
    const list = lists.get(stage);
    if (list) list.push(key);
    else lists.set(stage, [key]);
  }
}
