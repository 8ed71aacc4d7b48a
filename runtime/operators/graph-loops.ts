import { TraceError } from '../errors.ts';
import { promoteDtypes } from '../graph/promotion.ts';
import type { DType, Region, Shape, Site, TensorType, Value } from '../graph/types.ts';
import { apply, toProxy, wrap } from '../tracing/apply.ts';
import type { Builder } from '../tracing/builder.ts';
import type { Change, Slot } from '../tracing/journal.ts';
import { commonShape, emptyList, type ListValue, toList } from '../tracing/lists.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { dropSaves, SavedProxy, SaveSlot, saves, settleSaves } from '../tracing/saves.ts';
import { type State, VariableSlot } from '../tracing/slots.ts';
import { type Carry, carry } from './carries.ts';
import {
  type Abrupt,
  abruptEnds,
  type Completion,
  choice,
  endsWith,
  not,
  return_,
  withoutBreak,
  withoutContinue,
} from './completions.ts';
import { conditional, truth } from './conditionals.ts';
import { checkFixed } from './fixed-slots.ts';
import { isPlainObject, isTensorLike, stateDtype } from './merge.ts';

export interface GraphLoop {
  /** How many iterations at most (int64, no dimensions), or null: as long as `test` holds. */
  readonly trip: TensorProxy | null;
  readonly test: (() => unknown) | null;
  /** `test` before the first iteration. */
  readonly first?: TensorProxy;
  body(index: TensorProxy): Completion;
  readonly update: (() => void) | null;
  readonly state: State | null;
  readonly site: Site;
  readonly label: string | null;
}

const MAX_TRIALS = 10;
const ENDLESS = Number.MAX_SAFE_INTEGER;

/** A `return` or outer jump in the body, with the tensors that it takes along. */
interface Exit {
  readonly end: Abrupt;
  readonly leaves: TensorType[];
}

/** What is known of the body from trial runs: what it changes, saves and how it ends. */
interface Plan {
  readonly carries: Map<Slot, Carry>;
  saves: { dtype: DType; entry: Shape }[];
  exits: Exit[];
}

/**
 * Records a loop node. The body runs on trial until it is known what it changes and with which types; then all of that
 * is carried from iteration to iteration.
 */
export function graphLoop(target: Builder, loop: GraphLoop): Completion {
  const plan: Plan = { carries: new Map(), saves: [], exits: [] };
  for (let trial = 0; trial < MAX_TRIALS; trial++) {
    const attempt = new Attempt(target, loop, plan);
    if (attempt.stable) return attempt.finish();
  }
  throw new TraceError(
    'The types of the values carried through this loop do not settle. Convert them with to(dtype) in the body.',
    loop.site,
  );
}

class Attempt {
  stable = true;
  private readonly target: Builder;
  private readonly loop: GraphLoop;
  private readonly plan: Plan;
  private region!: Region;
  private readonly carries: [Slot, Carry][];
  private readonly savesBefore: number;
  /** The saves of the body that have an entry per iteration, in order. */
  private made: readonly SavedProxy[] = [];

  constructor(target: Builder, loop: GraphLoop, plan: Plan) {
    this.target = target;
    this.loop = loop;
    this.plan = plan;
    this.carries = [...plan.carries];
    this.savesBefore = saves(target).length;
    const lists: ListValue[] = [];
    let next: TensorProxy;
    let end: Completion;
    target.loops++;
    target.record(
      (region) => {
        this.region = region;
        target.site = loop.site;
        const index = target.parameter({ dtype: 'int64', shape: [] }, region);
        loop.state?.names.forEach((_, i) => {
          target.note(this.variable(i));
        });
        for (const [slot, one] of this.carries) {
          target.note(slot);
          one.load(one.types.map((type) => target.parameter(type, region)));
        }
        for (const { dtype, entry } of plan.saves) lists.push(this.listParameters(region, dtype, entry));
        for (const exit of plan.exits) {
          target.parameter({ dtype: 'bool', shape: [] }, region);
          for (const type of exit.leaves) target.parameter(type, region);
        }
        end = withoutContinue(loop.body(wrap(target, index)), loop.label);
        next = this.goOn(end);
        end = withoutBreak(end, loop.label);
      },
      ({ region, journal }) => {
        settleSaves(target);
        this.findCarries(journal.changes(), region);
        region.results.push(next.value());
        for (const [, one] of this.carries) this.unload(one);
        this.unloadSaves(lists, region);
        this.unloadExits(end, region);
      },
    );
    target.loops--;
    if (!this.stable) dropSaves(target, this.savesBefore);
  }

  /** Variables are the same slots in every trial. */
  private variable(index: number): Slot {
    const slots =
      variablesOf.get(this.plan) ?? this.loop.state!.names.map((_, i) => new VariableSlot(this.loop.state!, i));
    variablesOf.set(this.plan, slots);
    return slots[index]!;
  }

  private listParameters(region: Region, dtype: DType, entry: Shape): ListValue {
    const [data, shapes, ranks] = [dtype, 'int64' as const, 'int64' as const].map((type) =>
      this.target.parameter({ dtype: type, shape: [null] }, region),
    );
    return { data: data!, shapes: shapes!, ranks: ranks!, entry };
  }

  /** Whether there is another iteration; runs what stands between two of them. */
  private goOn(end: Completion): TensorProxy {
    const { loop } = this;
    const stops = endsWith(end, (one) => one !== undefined);
    const another = () => {
      loop.update?.();
      const test = loop.test?.() ?? true;
      return test instanceof TensorProxy ? truth(test) : toProxy(Boolean(test));
    };
    if (typeof stops === 'boolean') return stops ? toProxy(false) : another();
    return conditional(not(stops), another, () => false, loop.state, loop.site) as TensorProxy;
  }

  /** Finds what the body changes beyond the plan. */
  private findCarries(changes: readonly Change[], region: Region): void {
    for (const { slot, before, after, site } of changes) {
      if (this.plan.carries.has(slot) || slot instanceof SaveSlot) continue;
      if (slot.region === region) continue;
      if (slot instanceof VariableSlot && !variablesOf.get(this.plan)?.includes(slot)) continue;
      checkFixed(slot, before, after, 'in a loop over traced values', site);
      const found = carry(this.target, slot, before, after);
      if (!found) continue;
      this.plan.carries.set(slot, found);
      this.stable = false;
    }
  }

  private unload(one: Carry): void {
    one.unload().forEach((value, i) => {
      const type = one.types[i]!;
      const dtype = promoteDtypes(type.dtype, value.type.dtype);
      const shape = commonShape(type.shape, value.type.shape);
      if (dtype !== type.dtype || JSON.stringify(shape) !== JSON.stringify(type.shape)) {
        one.types[i] = { dtype, shape };
        this.stable = false;
      }
      this.region.results.push(this.cast(value, dtype));
    });
  }

  private cast(value: Value, dtype: DType): Value {
    return value.type.dtype === dtype ? value : this.target.add('cast', [value], { dtype }).outputs[0]!;
  }

  private unloadSaves(lists: readonly ListValue[], region: Region): void {
    const made = this.madeSaves();
    this.made = made;
    if (made.length !== this.plan.saves.length) {
      this.stable = false;
      this.plan.saves = made.map(({ slot }) => {
        const state = slot.state as Exclude<SaveSlot['state'], null | 'pending'>;
        return { dtype: stateDtype(state), entry: state.kind === 'single' ? state.value.type.shape : state.list.entry };
      });
      return;
    }
    made.forEach((saved, i) => {
      const state = saved.slot.state as Exclude<SaveSlot['state'], null | 'pending'>;
      const before = lists[i]!;
      const entry =
        state.kind === 'single' ? toList(this.target, [wrap(this.target, state.value)], stateDtype(state)) : state.list;
      for (const field of ['data', 'shapes', 'ranks'] as const) {
        const joined = apply('cat', [wrap(this.target, before[field]), wrap(this.target, entry[field])], { dim: 0 });
        region.results.push(joined.value());
      }
    });
  }

  private madeSaves(): readonly SavedProxy[] {
    return saves(this.target)
      .slice(this.savesBefore)
      .filter(({ slot }) => slot.state !== null && slot.state !== 'pending');
  }

  private unloadExits(end: Completion, region: Region): void {
    const exits = abruptEnds(end);
    const known = this.plan.exits.length === exits.length;
    if (!known) {
      this.stable = false;
      this.plan.exits = exits.map((exit) => ({
        end: exit.end,
        leaves: leaves(exit.end).map((leaf) => ({ dtype: toProxy(leaf).dtype, shape: null })),
      }));
      return;
    }
    exits.forEach(({ test, end: exit }, i) => {
      region.results.push(toProxy(test).value());
      const types = this.plan.exits[i]!.leaves;
      leaves(exit).forEach((leaf, k) => {
        const value = toProxy(leaf).value();
        const dtype = promoteDtypes(types[k]!.dtype, value.type.dtype);
        // A carried variable may have got another dtype since the trial that found this exit.
        if (dtype !== types[k]!.dtype) {
          types[k] = { dtype, shape: null };
          this.stable = false;
        }
        region.results.push(this.cast(value, dtype));
      });
    });
  }

  /** Adds the loop node and gives every slot the value it has after it. */
  finish(): Completion {
    const { target, loop, plan, region } = this;
    target.site = loop.site;
    const types: TensorType[] = [];
    const initial: Value[] = [];
    for (const [, one] of this.carries) {
      initial.push(...one.initial().map((value, i) => this.cast(value, one.types[i]!.dtype)));
      types.push(...one.types);
    }
    const list = ({ dtype, entry }: Plan['saves'][number]) => {
      const { data, shapes, ranks } = emptyList(target, dtype, entry);
      initial.push(data, shapes, ranks);
      types.push(...[data, shapes, ranks].map((value) => ({ dtype: value.type.dtype, shape: [null] })));
    };
    plan.saves.forEach(list);
    for (const exit of plan.exits) {
      initial.push(toProxy(false).value(), ...exit.leaves.map(({ dtype }) => emptyList(target, dtype, null).data));
      types.push({ dtype: 'bool', shape: [] }, ...exit.leaves);
    }
    const trip = (loop.trip ?? toProxy(ENDLESS, 'int64')).value();
    const first = (loop.first ?? toProxy(true)).value();
    const { outputs } = target.addTyped('loop', [trip, first, ...initial], types, {}, [region]);
    const remaining = [...outputs];
    const take = (count: number) => remaining.splice(0, count);
    for (const [slot, one] of this.carries) {
      target.note(slot);
      one.store(take(one.types.length));
    }
    plan.saves.forEach(({ entry }, i) => {
      const [data, shapes, ranks] = take(3);
      const { slot } = this.made[i]!;
      target.note(slot);
      slot.state = { kind: 'list', list: { data: data!, shapes: shapes!, ranks: ranks!, entry }, loop: true };
    });
    let end: Completion;
    for (const exit of plan.exits) {
      const flag = wrap(target, take(1)[0]!);
      const values = take(exit.leaves.length).map((value) => wrap(target, value));
      end = choice(flag, exit.end.kind === 'return' ? return_(replaceLeaves(exit.end.value, values)) : exit.end, end);
    }
    return end;
  }
}

const variablesOf = new WeakMap<Plan, Slot[]>();

/** The tensors of a returned value. */
function leaves(end: Abrupt): unknown[] {
  return end.kind === 'return' ? leavesOf(end.value) : [];
}

function leavesOf(value: unknown): unknown[] {
  if (value instanceof SavedProxy) return [];
  if (isTensorLike(value)) return [value];
  if (Array.isArray(value)) return value.flatMap(leavesOf);
  return isPlainObject(value) ? Object.values(value).flatMap(leavesOf) : [];
}

function replaceLeaves(value: unknown, values: TensorProxy[]): unknown {
  if (value instanceof SavedProxy) return value;
  if (isTensorLike(value)) return values.shift();
  if (Array.isArray(value)) return value.map((item) => replaceLeaves(item, values));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replaceLeaves(field, values)]));
}
