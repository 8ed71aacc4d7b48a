import { TraceError } from '../errors.ts';
import type { Region, Site, TensorType, Value } from '../graph/types.ts';
import { toProxy, wrap } from '../tracing/apply.ts';
import { truthValue } from '../tracing/blanks.ts';
import type { Builder } from '../tracing/builder.ts';
import { capture } from '../tracing/forms/capture.ts';
import type { Form } from '../tracing/forms/form.ts';
import { Made, NONE, type Parts } from '../tracing/forms/parts.ts';
import { inner, saving } from '../tracing/hidden.ts';
import type { Change } from '../tracing/journal.ts';
import { emptyList, joinLists, type ListValue, listOf } from '../tracing/lists.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { type SavedProxy, SaveSlot, type SaveState } from '../tracing/saves.ts';
import { type State, VariableSlot } from '../tracing/slots.ts';
import { type Carry, SlotCarry } from './carries.ts';
import { type Completion, isNormal, withoutBreak, withoutContinue } from './completions.ts';
import { conditional } from './conditionals.ts';
import { Findings } from './findings.ts';
import { checkFixed } from './fixed-slots.ts';
import { heldIn } from './holding.ts';
import { mergedSave, stateEntry, stateType } from './merge.ts';
import { truthOf } from './truth.ts';

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

/** The loop whose body is being recorded: blocks run one at a time, but one can stand in the body of another. */
let around: { readonly target: Builder; readonly findings: Findings } | null = null;

/**
 * Records a loop node. The body runs on trial until it is known what it changes and with which types; then all of that
 * is carried from iteration to iteration.
 */
export function graphLoop(target: Builder, loop: GraphLoop): Completion {
  const outer = around?.target === target ? around.findings : null;
  const findings = outer?.ofInner(target, loop.site, loop.state) ?? new Findings(target, loop.state);
  const { last } = target.passes;
  for (let trial = 0; trial < MAX_TRIALS; trial++) {
    target.passes.last = last;
    const attempt = new Attempt(target, loop, findings);
    if (attempt.stable) return attempt.finish();
  }
  throw new TraceError(
    `What '${findings.unsettled}' is after an iteration of this loop does not settle: it becomes something new in each. Tensors, numbers, and arrays and objects of them can go from iteration to iteration.`,
    loop.site,
  );
}

class Attempt {
  stable = true;
  private readonly target: Builder;
  private readonly loop: GraphLoop;
  private readonly findings: Findings;
  private region!: Region;
  private readonly carries: readonly SlotCarry[];
  private readonly savesBefore: number;
  /** The saves of the body that have an entry per iteration, in order. */
  private made: readonly SavedProxy[] = [];

  constructor(target: Builder, loop: GraphLoop, findings: Findings) {
    this.target = target;
    this.loop = loop;
    this.findings = findings;
    this.carries = [...findings.carries.values()];
    this.savesBefore = target.saves.all.length;
    const lists: ListValue[] = [];
    let next: TensorProxy;
    let end: Completion;
    const outer = around;
    around = { target, findings };
    findings.begin();
    try {
      target.recordLoop(
        (region) => {
          this.region = region;
          target.site = loop.site;
          const index = target.parameter({ dtype: 'int64', shape: [] }, region);
          for (const slot of findings.variables) target.note(slot);
          const parameters = (types: readonly TensorType[]) => types.map((type) => target.parameter(type, region));
          for (const carry of this.carries) {
            target.note(carry.slot);
            carry.load(parameters(carry.types));
          }
          parameters(findings.ends.types);
          for (const { type } of findings.saves) {
            const [data, shapes, ranks] = parameters(listTypes(type)) as [Value, Value, Value];
            lists.push({ data, shapes, ranks, entry: type.shape });
          }
          end = withoutContinue(loop.body(wrap(target, index)), loop.label);
          next = this.goOn(end);
          end = withoutBreak(end, loop.label);
        },
        ({ region, journal }) => {
          target.saves.settle(region);
          const changes = journal.changes();
          const held = new Set([...this.carries.map(({ slot }) => slot), ...changes.map(({ slot }) => slot)]);
          const made = new Made([...[...held].flatMap((slot) => heldIn(slot, slot.get())), end], (one) =>
            target.isOwn(one),
          ).inLoop;
          this.findCarries(changes, region, made);
          region.results.push(next[inner].value());
          for (const carry of this.carries) this.unload(carry, carry.now(made));
          this.unload(this.findings.ends, capture(target, end, made, true));
          this.unloadSaves(lists, region);
          findings.forget((object) => journal.made(object));
        },
      );
    } finally {
      around = outer;
    }
    if (!this.stable) target.saves.dropAfter(this.savesBefore);
  }

  /** Whether there is another iteration; runs the code between two of them. */
  private goOn(end: Completion): TensorProxy {
    const { loop } = this;
    const another = () => {
      loop.update?.();
      return toProxy(truthOf(loop.test?.() ?? true, loop.site));
    };
    const normal = isNormal(end);
    if (typeof normal === 'boolean') return normal ? another() : toProxy(false);
    return toProxy(conditional(normal, another, () => false, loop.state, loop.site));
  }

  private unload(carry: Carry, value: Form<Value>): void {
    if (carry.widen(value)) {
      this.stable = false;
      this.findings.unsettled = carry.name;
    } else {
      const wasDoubtful = carry.doubtful !== null;
      this.region.results.push(...carry.encode(value));
      if (!wasDoubtful && carry.doubtful) this.stable = false;
    }
  }

  /** Finds what the body changes beyond what is known. */
  private findCarries(changes: readonly Change[], region: Region, made: Parts): void {
    for (const change of changes) {
      const { slot, before, after, site } = change;
      if (this.findings.carries.has(slot) || slot instanceof SaveSlot) continue;
      if (slot.region === region) continue;
      if (slot instanceof VariableSlot && !this.findings.variables.includes(slot)) continue;
      checkFixed(slot, before, after, 'in a loop over traced values', site);
      this.findings.carries.set(slot, SlotCarry.ofChange(this.target, change, made));
      this.stable = false;
    }
  }

  private unloadSaves(lists: readonly ListValue[], region: Region): void {
    const made = this.madeSaves();
    this.made = made;
    if (made.length !== this.findings.saves.length) {
      this.stable = false;
      this.findings.saves = made.map(({ [saving]: slot }) => {
        const state = slot.state as SaveState;
        return { type: { dtype: stateType(state).dtype, shape: stateEntry(state) } };
      });
      return;
    }
    made.forEach(({ [saving]: slot }, i) => {
      const state = slot.state as SaveState;
      const entry = state.kind === 'single' ? listOf(this.target, state.value) : state.list;
      const { data, shapes, ranks } = joinLists(this.target, [lists[i]!, entry], this.findings.saves[i]!.type);
      region.results.push(data, shapes, ranks);
    });
  }

  private madeSaves(): readonly SavedProxy[] {
    return this.target.saves.all
      .slice(this.savesBefore)
      .filter(({ [saving]: slot }) => slot.state !== null && slot.state !== 'pending' && !slot.when);
  }

  /** Adds the loop node and gives every slot the value it has after it. */
  finish(): Completion {
    const { target, loop, findings, region } = this;
    target.site = loop.site;
    const types: TensorType[] = [];
    const initial: Value[] = [];
    for (const carry of this.carries) {
      initial.push(...carry.encode(carry.now(NONE)));
      types.push(...carry.types);
    }
    initial.push(...findings.ends.encode({ kind: 'plain', value: undefined }));
    types.push(...findings.ends.types);
    for (const { type } of findings.saves) {
      const { data, shapes, ranks } = emptyList(target, type.dtype, type.shape);
      initial.push(data, shapes, ranks);
      types.push(...listTypes(type));
    }
    const trip = (loop.trip ?? toProxy(ENDLESS, 'int64'))[inner].value();
    const first = loop.first?.[inner].value() ?? truthValue(target, true);
    const { outputs } = target.addTyped('loop', [trip, first, ...initial], types, {}, [region]);
    const remaining = [...outputs];
    const take = (count: number) => remaining.splice(0, count);
    for (const carry of this.carries) {
      target.note(carry.slot);
      carry.store(take(carry.types.length));
    }
    const end = findings.ends.decode(take(findings.ends.types.length), ({ saves }, value, tests) =>
      mergedSave(target, value, tests, saves),
    );
    findings.saves.forEach(({ type }, i) => {
      const [data, shapes, ranks] = take(3) as [Value, Value, Value];
      const { [saving]: slot } = this.made[i]!;
      target.note(slot);
      slot.state = { kind: 'list', list: { data, shapes, ranks, entry: type.shape }, loop: true };
    });
    return end;
  }
}

function listTypes({ dtype }: TensorType): TensorType[] {
  return ([dtype, 'int64', 'int64'] as const).map((one) => ({ dtype: one, shape: [null] }));
}
