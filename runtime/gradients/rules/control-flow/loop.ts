import { elementType } from '../../../onnx/dtypes.ts';
import { makeNode } from '../../../onnx/make.ts';
import type { GraphProto } from '../../../onnx/proto.ts';
import { subgraphsOf } from '../../../onnx/subgraphs.ts';
import { Cotangents } from '../../cotangents.ts';
import type { Emitter } from '../../emitter.ts';
import type { Application, SubgraphRule } from '../../rule.ts';
import { Subgraph } from '../../subgraph.ts';
import { type Entering, loopEntering } from '../../subgraph-dims.ts';
import { Accumulators, movingStates, neededCaptures, outputGradient, paired, refuseDraws } from './states.ts';

const [INT64, BOOL] = [elementType('int64'), elementType('bool')];

/**
 * The loop runs once more and keeps what its states were at the start of every iteration (the tape). Then a second loop
 * goes through the iterations that ran, the last first: it computes an iteration again and goes back through it. The tape
 * is a list of tensors, as a state may change its shape.
 */
export const loopRule: SubgraphRule = (emit, at, active, sweep) => {
  refuseDraws(at);
  const body = subgraphsOf(at.node)[0]!;
  const entering = loopEntering(at.node, emit.facts);
  const captured = neededCaptures(at, active);
  const states = at.inputs.slice(2);
  const count = emit.named('count', INT64, []);
  const tapes = states.map(() => emit.fresh('tape'));

  const back = new Subgraph(emit);
  const index = back.emit.minus(back.emit.shift(count, -1), back.input(INT64, []));
  back.input(BOOL, []);
  const starts = tapes.map((tape, i) => readTape(back.emit, tape, index, entering[i + 2]!));
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
  const kept = [...states.keys()].filter((i) => read.has(tapes[i]!));
  const finals = runAgain(emit, at, body, entering, { kept, tapes, count });
  const seeds = movingAt.map((i) => at.gradients[i] ?? emit.zerosLike(finals[i]!));
  const first = [...seeds, ...accumulators.first(emit)];
  const sources = movingAt.map((i) => states[i]!);
  const last = [...sources, ...captured].map((tensor) => emit.named('Loop', emit.facts.type(tensor)));
  emit.nodes.push(makeNode('Loop', [count, '', ...first], last, { body: { graph: back.graph() } }));
  return [...paired(emit, sources, last), ...accumulators.last(emit, last.slice(sources.length))];
};

interface Tape {
  /** Which of the states are kept. */
  readonly kept: readonly number[];
  /** The lists of all states, and the number of iterations that ran: the names that they get. */
  readonly tapes: readonly string[];
  readonly count: string;
}

/** Writes the loop once more, with the tape. Gives the final states. */
function runAgain(
  emit: Emitter,
  at: Application,
  body: GraphProto,
  entering: readonly Entering[],
  { kept, tapes, count }: Tape,
): readonly string[] {
  const again = new Subgraph(emit);
  const inputs = entering.map(({ type, dims }) => again.input(type, dims));
  const states = inputs.slice(2);
  const lists = kept.map((i) => again.sequence(entering[i + 2]!.type));
  const before = again.input(INT64, []);
  const copy = again.copy(body, inputs);
  for (const tensor of copy.outputs.slice(0, inputs.length - 1)) again.output(tensor);
  kept.forEach((i, k) => {
    const list = again.emit.node('SequenceInsert', [lists[k]!, states[i]!]);
    again.outputSequence(list, entering[i + 2]!.type);
  });
  again.output(again.emit.shift(before, 1));
  const empty = kept.map((i) => emit.node('SequenceEmpty', [], { dtype: { int: entering[i + 2]!.type } }));
  const finals = entering.slice(2).map(({ type }) => emit.named('final', type));
  const inputsOfNode = [at.input(0), at.input(1), ...at.inputs.slice(2), ...empty, emit.int(0)];
  const outputs = [...finals, ...kept.map((i) => tapes[i]!), count];
  emit.nodes.push(makeNode('Loop', inputsOfNode, outputs, { body: { graph: again.graph() } }));
  return finals;
}

function readTape(emit: Emitter, tape: string, index: string, { type, dims }: Entering): string {
  const state = emit.node('SequenceAt', [tape, index]);
  emit.facts.set(state, type, dims);
  return state;
}

/** The counter, in the shape that the body declares for it. */
function like(emit: Emitter, scalar: string, { dims }: Entering): string {
  return dims?.length === 1 ? emit.unsqueeze(scalar, 0) : scalar;
}

/** The condition that an iteration starts with: it would not have run. */
function isRunning(emit: Emitter, { dims }: Entering): string {
  return emit.constant('bool', [1], dims?.length === 1 ? [1] : []);
}
