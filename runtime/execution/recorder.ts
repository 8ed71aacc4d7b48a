import type { Value } from '../graph/types.ts';
import type { SessionTensor, SessionTensors } from '../ort/port.ts';
import type { Dispatch, Plan } from '../partition/plan.ts';
import type { BackwardProgram } from './backward-programs.ts';
import { gradientName, seedName } from './backward-programs.ts';
import { addTensors, transposed } from './session-tensors.ts';
import type { Tape, TapedCall, TapedRun } from './tape.ts';

/** A gradient, and what it is called on the tape; null where it depends on nothing, or nothing goes back through it. */
export interface Gradient {
  readonly tensor: SessionTensor;
  readonly value: Value | null;
}

/** What is done with gradients on the way back. */
export interface Recorder {
  /** Gets a tape ready for a pass that is recorded. */
  prepare(): void;
  sum(a: Gradient, b: Gradient): Gradient;
  transposed(gradient: Gradient): Gradient;
  /** The gradient that a value of the graph is. */
  given(value: Value, gradient: Gradient): void;
  /** The gradients that the derivative of a dispatch gave. */
  ran(
    run: TapedRun,
    dispatch: Dispatch,
    derivative: BackwardProgram,
    seeds: ReadonlyMap<string, Gradient>,
    made: SessionTensors,
  ): ReadonlyMap<string, Gradient>;
  /** The gradients that the derivative of a function of the user gave. */
  called(call: TapedCall, gradient: Gradient, made: readonly (SessionTensor | null)[]): readonly (Gradient | null)[];
}

/** For passes through which no other one goes back. */
export const NOT_RECORDED: Recorder = {
  prepare() {},
  sum: (a, b) => constant(addTensors(a.tensor, b.tensor)),
  transposed: ({ tensor }) => constant(transposed(tensor)),
  given() {},
  ran: (_run, _dispatch, { outputs, order }, _seeds, made) =>
    new Map(outputs.map((name) => [name, constant(made[gradientName(name, order)]!)])),
  called: (_call, _gradient, made) => made.map((tensor) => tensor && constant(tensor)),
};

/** A gradient through which no pass goes back. */
export function constant(tensor: SessionTensor): Gradient {
  return { tensor, value: null };
}

/** Puts what a backward pass computes onto the tape as well, so that another pass goes back through it. */
export class TapeRecorder implements Recorder {
  private readonly tape: Tape;
  /** What the registers of each run are called. */
  private readonly names = new Map<TapedRun, ReadonlyMap<number, Value>>();

  constructor(tape: Tape) {
    this.tape = tape;
  }

  /** A derivative reads what its run has computed: all of that gets a name. */
  prepare(): void {
    this.tape.forEach((entry, i) => {
      if (entry.kind === 'run' && !this.names.has(entry)) this.tape[i] = this.named(entry);
    });
  }

  sum(a: Gradient, b: Gradient): Gradient {
    return this.made(addTensors(a.tensor, b.tensor), [a, b], false);
  }

  transposed(gradient: Gradient): Gradient {
    return this.made(transposed(gradient.tensor), [gradient], true);
  }

  given(value: Value, gradient: Gradient): void {
    if (gradient.value) this.tape.push({ kind: 'sum', value, inputs: [gradient.value], isTransposed: false });
  }

  ran(
    run: TapedRun,
    { feeds, fetches, label }: Dispatch,
    { program, inputs, seeds, outputs, order }: BackwardProgram,
    known: ReadonlyMap<string, Gradient>,
    made: SessionTensors,
  ): ReadonlyMap<string, Gradient> {
    const names = this.names.get(run)!;
    const ports = new Map([...fetches, ...feeds].map(({ name, register }) => [name, register]));
    const fed = [
      ...inputs.map((name) => {
        const register = ports.get(name)!;
        return { name, tensor: run.registers[register]!, value: names.get(register) ?? null };
      }),
      ...seeds.map((name) => ({ name: seedName(name), ...known.get(name)! })),
    ];
    const given = outputs.map((name) => {
      const tensor = made[gradientName(name, order)]!;
      return { name, tensor, value: newValue(tensor) };
    });
    const at = (i: number) => ({ position: i, register: i });
    const dispatch: Dispatch = {
      program,
      kind: 'segment',
      label,
      feeds: fed.map(({ name }, i) => ({ name, register: i })),
      fetches: given.map(({ name }, i) => ({ name: gradientName(name, order), register: fed.length + i })),
      drops: [],
      nodes: [],
    };
    const plan: Plan = {
      registers: fed.length + given.length,
      inputs: [],
      operands: fed.map((_, i) => at(i)),
      dispatches: [dispatch],
      saves: given.map((_, i) => fed.length + i),
      skipped: [],
      cuts: [],
    };
    const entry: TapedRun = {
      kind: 'run',
      engine: run.engine,
      graph: run.graph,
      plan,
      registers: [...fed, ...given].map(({ tensor }) => tensor),
      own: [],
      saves: given.map(({ value }) => value),
      operands: fed.map(({ value }) => value),
      inputs: new Map(),
    };
    this.names.set(entry, namesOf(entry));
    this.tape.push(entry);
    return new Map(given.map(({ name, ...gradient }) => [name, gradient]));
  }

  called(
    { node, inputs }: TapedCall,
    { value }: Gradient,
    made: readonly (SessionTensor | null)[],
  ): readonly (Gradient | null)[] {
    return made.map((tensor) => {
      if (!tensor) return null;
      const gradient = { tensor, value: newValue(tensor) };
      const taken = value ? [value, ...inputs] : inputs;
      const call = { kind: 'call', node, inputs: taken, tensors: [], backward: null, isDerivative: true } as const;
      this.tape.push({ ...call, value: gradient.value });
      return gradient;
    });
  }

  private made(tensor: SessionTensor, from: readonly Gradient[], isTransposed: boolean): Gradient {
    const inputs = from.flatMap(({ value }) => value ?? []);
    if (inputs.length === 0) return constant(tensor);
    const value = newValue(tensor);
    this.tape.push({ kind: 'sum', value, inputs, isTransposed });
    return { tensor, value };
  }

  /** The same run, which also saves what has no name so far. */
  private named(run: TapedRun): TapedRun {
    const known = namesOf(run);
    const filled = run.plan.dispatches.flatMap(({ fetches }) => fetches.map(({ register }) => register));
    const missing = [...new Set(filled)].filter((register) => !known.has(register));
    const values = missing.map((register) => newValue(run.registers[register]!));
    const named: TapedRun = {
      ...run,
      saves: [...run.saves, ...values],
      plan: { ...run.plan, saves: [...run.plan.saves, ...missing] },
    };
    this.names.set(named, namesOf(named));
    return named;
  }
}

/** What the registers of a run are called: by what it saves of them, or by what it was given. */
function namesOf({ plan, saves, operands, inputs }: TapedRun): ReadonlyMap<number, Value> {
  const names = new Map<number, Value>();
  for (const { name, register } of plan.inputs) if (inputs.has(name)) names.set(register, inputs.get(name)!);
  for (const { position, register } of plan.operands) {
    const value = operands[position];
    if (value) names.set(register, value);
  }
  saves.forEach((value, i) => {
    names.set(plan.saves[i]!, value);
  });
  return names;
}

/** A value that is not in the graph. */
function newValue({ type }: SessionTensor): Value {
  return { id: -1, type: { dtype: type, shape: null }, node: null, index: 0 };
}
