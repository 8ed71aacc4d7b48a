import { elementType } from '../../../onnx/dtypes.ts';
import { makeNode } from '../../../onnx/make.ts';
import type { GraphProto } from '../../../onnx/proto.ts';
import { subgraphsOf } from '../../../onnx/subgraphs.ts';
import { Cotangents } from '../../cotangents.ts';
import type { Emitter } from '../../emitter.ts';
import type { Dims } from '../../facts.ts';
import type { Application, SubgraphRule } from '../../rule.ts';
import { Subgraph } from '../../subgraph.ts';
import { type Entering, loopEntering } from '../../subgraph-dims.ts';
import { Accumulators, movingStates, neededCaptures, outputGradient, paired, refuseDraws } from './states.ts';

const [INT64, BOOL] = [elementType('int64'), elementType('bool')];

/**
 * The loop runs once more and keeps what its states were at the start of every iteration (the tape). Then a second loop
 * goes through the iterations that ran, the last first: it computes an iteration again and goes back through it. A state
 * that may change its shape is kept as a list of tensors, others are stacked.
 */
export const loopRule: SubgraphRule = (emit, at, active, sweep) => {
  refuseDraws(at);
  const body = subgraphsOf(at.node)[0]!;
  const entering = loopEntering(at.node, emit.facts);
  const captured = neededCaptures(at, active);
  const states = at.inputs.slice(2);
  const count = emit.named('count', INT64, []);
  for (const tensor of [...states, ...captured]) {
    if (active.has(tensor) && emit.facts.type(tensor) === 0) {
      throw at.refuse('it goes through a list of tensors whose shapes change from iteration to iteration');
    }
  }
  const tapes = states.map((tensor, i) => newTape(emit, entering[i + 2]!, emit.dims(tensor)));

  const back = new Subgraph(emit);
  const index = back.emit.minus(back.emit.shift(count, -1), back.input(INT64, []));
  back.input(BOOL, []);
  const starts = tapes.map((tape) => readTape(back.emit, tape, index));
  const copy = back.copy(body, [like(back.emit, index, entering[0]!), isRunning(back.emit, entering[1]!), ...starts]);
  const ends = copy.outputs.slice(1, 1 + states.length);
  const initial = states.flatMap((tensor, i) => (active.has(tensor) ? starts[i]! : []));
  const moving = movingStates(back.emit, copy.nodes, starts, ends, [...initial, ...captured]);
  const known = new Cotangents(back.emit);
  const movingAt = [...states.keys()].filter((i) => moving.has(starts[i]!));
  for (const i of movingAt) known.add(ends[i]!, back.input(entering[i + 2]!.type, back.emit.dims(ends[i]!)));
  copy.outputs.slice(1 + states.length).forEach((tensor, i) => {
    const gradient = at.gradients[i + states.length];
    if (gradient) known.add(tensor, back.emit.node('Gather', [gradient, index]));
  });
  sweep(back.emit, copy.nodes, known, { wanted: new Set([...captured, ...moving]) });
  back.output(back.emit.constant('bool', [1], []));
  for (const i of movingAt) outputGradient(back, known, starts[i]!);
  const accumulators = new Accumulators(captured);
  accumulators.add(back, known);

  const read = back.reads();
  const kept = tapes.filter(({ name }) => read.has(name));
  const finals = runAgain(emit, at, body, entering, { kept, tapes, count });
  const seeds = movingAt.map((i) => at.gradients[i] ?? emit.zerosLike(finals[i]!));
  const first = [...seeds, ...accumulators.first(emit)];
  const sources = movingAt.map((i) => states[i]!);
  const last = [...sources, ...captured].map((tensor) => emit.named('Loop', emit.facts.type(tensor)));
  emit.place(makeNode('Loop', [count, '', ...first], last, { body: { graph: back.graph() } }));
  return [...paired(emit, sources, last), ...accumulators.last(emit, last.slice(sources.length))];
};

/** The value of a state at the start of every iteration. */
interface Tape {
  readonly name: string;
  /** The inputs of the body. */
  readonly state: Entering;
  /** Whether the state keeps its shape: then they are stacked, else a list. */
  readonly isStacked: boolean;
}

function newTape(emit: Emitter, state: Entering, initial: Dims): Tape {
  const { type, dims } = state;
  const isStacked = dims?.every((dim, axis) => dim === initial?.[axis]) ?? false;
  const name = isStacked ? emit.named('tape', type, [emit.facts.symbol(), ...dims!]) : emit.fresh('tape');
  return { name, state, isStacked };
}

function readTape(emit: Emitter, { name, state, isStacked }: Tape, index: string): string {
  const start = emit.node(isStacked ? 'Gather' : 'SequenceAt', [name, index]);
  emit.facts.set(start, state.type, state.dims);
  return start;
}

interface Kept {
  /** The tapes of all states, and those that are read. */
  readonly tapes: readonly Tape[];
  readonly kept: readonly Tape[];
  /** The name that the number of iterations that ran gets. */
  readonly count: string;
}

/** Writes the loop once more, with the tapes. Gives the final states. */
function runAgain(
  emit: Emitter,
  at: Application,
  body: GraphProto,
  entering: readonly Entering[],
  { tapes, kept, count }: Kept,
): readonly string[] {
  const again = new Subgraph(emit);
  const inputs = entering.map(({ type, dims }) => again.input(type, dims));
  const start = (tape: Tape) => inputs[2 + tapes.indexOf(tape)]!;
  const stacked = kept.filter(({ isStacked }) => isStacked);
  const listed = kept.filter(({ isStacked }) => !isStacked);
  const lists = listed.map(({ state }) => again.sequence(state.type));
  const before = again.input(INT64, []);
  const copy = again.copy(body, inputs);
  for (const tensor of copy.outputs.slice(0, inputs.length - 1)) again.output(tensor);
  listed.forEach((tape, k) => {
    const list = again.emit.node('SequenceInsert', [lists[k]!, start(tape)]);
    again.outputSequence(list, tape.state.type);
  });
  again.output(again.emit.shift(before, 1));
  for (const tape of stacked) again.output(start(tape));
  const empty = listed.map(({ state }) => emit.node('SequenceEmpty', [], { dtype: { int: state.type } }));
  const finals = tapes.map(({ state }) => emit.named('final', state.type));
  const inputsOfNode = [at.input(0), at.input(1), ...at.inputs.slice(2), ...empty, emit.int(0)];
  const names = (some: readonly Tape[]) => some.map(({ name }) => name);
  const outputs = [...finals, ...names(listed), count, ...names(stacked)];
  emit.place(makeNode('Loop', inputsOfNode, outputs, { body: { graph: again.graph() } }));
  return finals;
}

/** The counter, in the shape that the body declares for it. */
function like(emit: Emitter, scalar: string, { dims }: Entering): string {
  return dims?.length === 1 ? emit.unsqueeze(scalar, 0) : scalar;
}

/** The condition that an iteration starts with: it would not have run. */
function isRunning(emit: Emitter, { dims }: Entering): string {
  return emit.constant('bool', [1], dims?.length === 1 ? [1] : []);
}
