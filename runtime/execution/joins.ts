import { keyOf } from '../graph/key.ts';
import { joinedModels, nameInSecond } from '../onnx/joined-models.ts';
import { encodeWithOutputs } from '../onnx/kept-outputs.ts';
import type { SessionTensor } from '../ort/port.ts';
import { type Dispatch, modelOf, type Plan, type Port, type Program } from '../partition/plan.ts';
import type { BackwardPrograms } from './backward-programs.ts';

/** What one program hands to the next has to be of so many bytes for them to become one. */
const LARGE = 2 ** 20;

/** What the second one gives is smaller by this factor. */
const SMALLER = 16;

/** How many pairs are known; the one used least recently goes first. */
const KEPT = 64;

/**
 * Makes one program of two where a segment hands much to the intervention behind it, which makes little of it, and a backward
 * pass has often come back that way: logits of all positions and the loss of them. Then neither these nor their gradients
 * leave ONNX Runtime.
 */
export class Joins {
  private readonly programs: Pick<BackwardPrograms, 'isOften'>;
  /** By pairs of programs: what they are as one, null where they cannot be. */
  private readonly known = new Map<string, Program | null>();

  constructor(programs: Pick<BackwardPrograms, 'isOften'>) {
    this.programs = programs;
  }

  /** @param isShared whether what depends on the model's inputs alone need not run each time: it stays by itself then */
  of(plan: Plan, isShared: boolean): Plan {
    const base = new Set(plan.inputs.map(({ register }) => register));
    const dispatches: Dispatch[] = [];
    for (const dispatch of plan.dispatches) {
      const before = dispatches.at(-1);
      const pair = before && pairOf(plan, before, dispatch);
      const program = pair && this.known.get(pair.key);
      const isBase = dispatch.feeds.every(({ register }) => base.has(register));
      if (isBase) for (const { register } of dispatch.fetches) base.add(register);
      if (pair && program && !(isShared && pair.first.feeds.every(({ register }) => base.has(register)))) {
        dispatches[dispatches.length - 1] = joined(pair, program);
      } else dispatches.push(dispatch);
    }
    return dispatches.length === plan.dispatches.length ? plan : { ...plan, dispatches };
  }

  /** Told what a run has computed that a backward pass may go back through. */
  ran(plan: Plan, registers: readonly (SessionTensor | undefined)[]): void {
    const bytesOf = (ports: readonly Port[]) =>
      ports.reduce((sum, { register }) => sum + (registers[register]?.data.byteLength ?? 0), 0);
    plan.dispatches.forEach((second, i) => {
      const first = plan.dispatches[i - 1];
      if (!first || !this.programs.isOften(second.program)) return;
      const handed = bytesOf(first.fetches);
      if (handed < LARGE || bytesOf(second.fetches) * SMALLER > handed) return;
      const pair = pairOf(plan, first, second);
      if (!pair || this.known.has(pair.key)) return;
      this.known.set(pair.key, programOf(pair));
      if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value!);
    });
  }
}

/** A segment and the intervention that alone reads what it gives. */
interface Pair {
  readonly key: string;
  readonly first: Dispatch;
  readonly second: Dispatch;
  /** By inputs of the second program the outputs of the first one. */
  readonly handed: ReadonlyMap<string, string>;
}

function pairOf(plan: Plan, first: Dispatch, second: Dispatch): Pair | null {
  if (first.kind !== 'segment' || second.kind !== 'intervention') return null;
  if (first.program.random || second.program.random || second.program.simplify === false) return null;
  const given = new Map(first.fetches.map(({ name, register }) => [register, name]));
  const isReadElsewhere =
    plan.saves.some((register) => given.has(register)) ||
    plan.dispatches.some((one) => one !== second && one.feeds.some(({ register }) => given.has(register)));
  if (isReadElsewhere) return null;
  const handed = new Map(
    second.feeds.flatMap(({ name, register }) => (given.has(register) ? [[name, given.get(register)!] as const] : [])),
  );
  if (handed.size === 0) return null;
  return { key: keyOf('joined', first.program.key, second.program.key, [...handed]), first, second, handed };
}

function programOf({ key, first, second, handed }: Pair): Program | null {
  const write = () => joinedModels(modelOf(first.program), modelOf(second.program), handed);
  if (write() === null) return null;
  return {
    key,
    kind: 'segment',
    weights: first.program.weights + second.program.weights,
    random: false,
    isOften: true,
    write: () => encodeWithOutputs(write()!),
  };
}

function joined({ first, second, handed }: Pair, program: Program): Dispatch {
  const inner = new Set(first.fetches.map(({ register }) => register));
  const renamed = ({ name, register }: Port): Port => ({ name: nameInSecond(name), register });
  return {
    program,
    kind: 'segment',
    label: first.label,
    feeds: [...first.feeds, ...second.feeds.filter(({ name }) => !handed.has(name)).map(renamed)],
    fetches: second.fetches.map(renamed),
    drops: [...new Set([...first.drops, ...second.drops])].filter((register) => !inner.has(register)),
    nodes: second.nodes,
  };
}
