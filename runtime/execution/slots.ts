import type { Share } from '../gradients/shares.ts';
import type { NodeOf, Value } from '../graph/types.ts';
import { copiesOf } from '../onnx/copies.ts';
import type { Dispatch, Port } from '../partition/plan.ts';
import type { Tape, TapedRun } from './tape.ts';

/** Where a run keeps a value: a register, and the dispatch that fills it (-1 for what the run was given). */
export interface ValueSlot {
  readonly run: number;
  readonly register: number;
  readonly producer: number;
}

/**
 * A weight of a model, or what it computes of weights alone, that a value of the graph stands for; as the parameter that it
 * is there, where it is several.
 */
export interface Weight {
  readonly value: Value;
  readonly engine: TapedRun['engine'];
  /** What it is called in the derivatives of programs. */
  readonly name: string;
  /** Its name in the model. */
  readonly tensor: string;
  /** Where other parameters are this weight, too: its own part of it. */
  readonly share: Share | null;
  /** Whether it is the matrix transposed: a copy that the model has for a module that shares it. */
  readonly isTransposed: boolean;
}

/** A value that a dispatch makes and whose gradient is set. */
export interface ReplacedPort extends Port {
  readonly value: Value;
  /** Whether the value is kept here first: where several runs make it, what is set goes on from there. */
  readonly isHome: boolean;
}

/** Where on a tape the values are whose gradients a pass reads or sets, and which of its dispatches depend on them. */
export class Slots {
  /** The weights that values stand for: one, and the copies of it that the model has. */
  readonly weights: ReadonlyMap<Value, readonly Weight[]>;
  private readonly tape: Tape;
  private readonly wanted: ReadonlySet<Value>;
  private readonly replaced: ReadonlySet<Value>;
  private readonly byValue = new Map<Value, ValueSlot[]>();
  /** The registers that each run was given. */
  private readonly fed: readonly ReadonlySet<number>[];
  /** The registers of each run that depend on the values. */
  private readonly active: readonly Set<number>[];
  private readonly activeDispatches: readonly Set<number>[];
  /** The values that depend on those of the pass, with these. */
  private readonly activeValues: Set<Value>;

  constructor(tape: Tape, wanted: ReadonlySet<Value>, replaced: ReadonlySet<Value>) {
    this.tape = tape;
    this.wanted = wanted;
    this.replaced = replaced;
    this.fed = tape.map((entry) =>
      entry.kind === 'run'
        ? new Set([...entry.plan.inputs, ...entry.plan.operands].map(({ register }) => register))
        : new Set(),
    );
    this.weights = new Map([...wanted].flatMap((value) => this.weightOf(value)));
    tape.forEach((entry, run) => {
      if (entry.kind === 'run') this.find(run, entry);
    });
    this.active = tape.map(() => new Set());
    this.activeDispatches = tape.map(() => new Set());
    this.activeValues = new Set([...wanted, ...replaced]);
    tape.forEach((entry, run) => {
      if (entry.kind === 'run') this.activate(run, entry);
      else if (entry.inputs.some((value) => this.activeValues.has(value))) this.activeValues.add(entry.value);
    });
  }

  of(value: Value): readonly ValueSlot[] {
    return this.byValue.get(value) ?? [];
  }

  /** Whether a run is the first one that keeps a value. */
  isHome(value: Value, run: number): boolean {
    return this.of(value)[0]?.run === run;
  }

  isActiveValue(value: Value): boolean {
    return this.activeValues.has(value);
  }

  /** The values that a run was given, and the registers where they came in. */
  givenTo(run: number): readonly { readonly value: Value; readonly register: number }[] {
    const { plan, operands, inputs } = this.runAt(run);
    return [
      ...plan.operands.map(({ position, register }) => ({ value: operands[position], register })),
      ...plan.inputs.map(({ name, register }) => ({ value: inputs.get(name), register })),
    ].flatMap(({ value, register }) => (value ? [{ value, register }] : []));
  }

  private runAt(run: number): TapedRun {
    return this.tape[run] as TapedRun;
  }

  isFed(run: number, register: number): boolean {
    return this.fed[run]!.has(register);
  }

  /** Whether a dispatch depends on one of the values, or makes one. */
  isActive(run: number, dispatch: number): boolean {
    return this.activeDispatches[run]!.has(dispatch);
  }

  /** What a dispatch is fed that depends on the values and has gradients: each name once. */
  feedsOf(run: number, dispatch: number): readonly Port[] {
    const { plan, registers } = this.runAt(run);
    const ports = plan.dispatches[dispatch]!.feeds.filter(
      ({ register }) => this.active[run]!.has(register) && registers[register]!.type.startsWith('float'),
    );
    return [...new Map(ports.map((port) => [port.name, port])).values()];
  }

  /** What a dispatch makes and whose gradient is asked for. */
  wantedIn(run: number, dispatch: number): readonly Port[] {
    return this.valuesIn(run, dispatch, this.wanted).map(({ name, register }) => ({ name, register }));
  }

  /** What a dispatch makes and whose gradient is set. */
  replacedIn(run: number, dispatch: number): readonly ReplacedPort[] {
    return this.valuesIn(run, dispatch, this.replaced);
  }

  /** The weights in a dispatch's program whose gradients are asked for. */
  weightsIn(run: number, dispatch: number): readonly Weight[] {
    const { engine, plan } = this.runAt(run);
    return this.weightsOf(engine, plan.dispatches[dispatch]!);
  }

  private weightsOf(engine: TapedRun['engine'], { program }: Dispatch): Weight[] {
    return [...this.weights.values()]
      .flat()
      .filter(
        (weight) => weight.engine === engine && engine.backwardPrograms.maker(program, weight.tensor) !== undefined,
      );
  }

  private valuesIn(run: number, dispatch: number, values: ReadonlySet<Value>): ReplacedPort[] {
    const { fetches } = this.runAt(run).plan.dispatches[dispatch]!;
    return [...values].flatMap((value) => {
      const slot = this.of(value).find((one) => one.run === run && one.producer === dispatch);
      const port = slot && fetches.find(({ register }) => register === slot.register);
      return port ? [{ ...port, value, isHome: this.isHome(value, run) }] : [];
    });
  }

  /** Where a run keeps the values that it saves. */
  private find(run: number, { plan, saves }: TapedRun): void {
    saves.forEach((value, i) => {
      if (this.weights.has(value)) return;
      const register = plan.saves[i]!;
      const producer = this.isFed(run, register)
        ? -1
        : plan.dispatches.findIndex(({ fetches }) => fetches.some((port) => port.register === register));
      const slots = this.byValue.get(value) ?? [];
      this.byValue.set(value, slots);
      if (!slots.some((slot) => slot.run === run)) slots.push({ run, register, producer });
    });
  }

  /** Follows the values through a run; those of its saves that depend on them join them. */
  private activate(run: number, { plan, saves, engine }: TapedRun): void {
    const values = this.activeValues;
    const active = this.active[run]!;
    const targets = new Set(saves.flatMap((value, i) => (values.has(value) ? [plan.saves[i]!] : [])));
    for (const register of targets) active.add(register);
    for (const { value, register } of this.givenTo(run)) if (values.has(value)) active.add(register);
    plan.dispatches.forEach((dispatch, index) => {
      const depends = dispatch.feeds.some(({ register }) => active.has(register));
      const makes = dispatch.fetches.some(({ register }) => targets.has(register));
      if (!depends && !makes && this.weightsOf(engine, dispatch).length === 0) return;
      this.activeDispatches[run]!.add(index);
      for (const { register } of dispatch.fetches) active.add(register);
    });
    saves.forEach((value, i) => {
      if (active.has(plan.saves[i]!)) values.add(value);
    });
  }

  private weightOf(value: Value): [Value, Weight[]][] {
    const { node } = value;
    if (node?.op !== 'read') return [];
    const run = runOf(value, this.tape);
    if (!run) return [];
    const { engine } = run;
    const address = (node as NodeOf<'read'>).attributes;
    const { tensor, nodes } = engine.locate(address);
    if (address.port !== 'parameter') {
      const isOf = isOfWeightsAlone(value, this.tape);
      return isOf ? [[value, [{ value, engine, name: tensor, tensor, share: null, isTransposed: false }]]] : [];
    }
    if (nodes.length === 0) {
      const own = { value, engine, name: tensor, tensor, share: null, isTransposed: false };
      const copies = copiesOf(engine.model, tensor).map(({ name, isTransposed }) => {
        return { ...own, name, tensor: name, isTransposed };
      });
      return [[value, [own, ...copies]]];
    }
    const others = new Set(nodes.map((index) => engine.model.graph.node[index]!.name));
    const share = { name: `onnsight/share/${address.path}`, weight: tensor, others };
    return [[value, [{ value, engine, name: share.name, tensor, share, isTransposed: false }]]];
  }
}

/** Whether a value is what a model computes of its weights alone: each program that needs it makes it. */
export function isOfWeightsAlone(value: Value, tape: Tape): boolean {
  const { node } = value;
  if (node?.op !== 'read' || (node as NodeOf<'read'>).attributes.port === 'parameter') return false;
  const engine = runOf(value, tape)?.engine;
  return engine?.model.links.constant.has(engine.locate((node as NodeOf<'read'>).attributes).tensor) ?? false;
}

/** The run that gives a value. */
function runOf(value: Value, tape: Tape): TapedRun | undefined {
  return tape.find((entry): entry is TapedRun => entry.kind === 'run' && entry.saves.includes(value));
}
