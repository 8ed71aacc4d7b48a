import { type Attributes, makeNode } from '../../../onnx/make.ts';
import type { GraphProto } from '../../../onnx/proto.ts';
import { subgraphsOf } from '../../../onnx/subgraphs.ts';
import { Cotangents } from '../../cotangents.ts';
import type { Emitter } from '../../emitter.ts';
import type { Application, SubgraphRule } from '../../rule.ts';
import { Subgraph } from '../../subgraph.ts';
import { type Entering, scanEntering } from '../../subgraph-dims.ts';
import { Accumulators, movingStates, neededCaptures, outputGradient, paired, refuseDraws } from './states.ts';

/** Along which axis a Scan takes a tensor apart or stacks it, and whether from the end (1) or not (0). */
interface Course {
  readonly tensor: string;
  readonly axis: number;
  readonly direction: number;
}

/**
 * The scan runs once more and stacks what its states were at the start of every step (the tape). Then a second one goes
 * the other way, over the tape, the scanned inputs and the gradients by the scanned outputs.
 */
export const scanRule: SubgraphRule = (emit, at, active, sweep) => {
  refuseDraws(at);
  const body = subgraphsOf(at.node)[0]!;
  const entering = scanEntering(at.node, emit.facts);
  entering.forEach(({ dims }, i) => {
    if (!dims) throw at.refuse(`the number of dimensions of ${body.input[i]!.name} in the body is not known`);
  });
  const captured = neededCaptures(at, active);
  const states = at.inputs.slice(0, at.inputs.length - at.int('num_scan_inputs', 0));
  const scanned = courses(at, 'input', at.inputs.slice(states.length));
  const stacked = courses(at, 'output', at.gradients.slice(states.length));

  const back = new Subgraph(emit);
  const inputs = entering.map(({ type, dims }) => back.emit.named('in', type, dims));
  const starts = inputs.slice(0, states.length);
  const copy = back.copy(body, inputs);
  const known = new Cotangents(back.emit);
  const arriving = stacked.flatMap((course, i) =>
    course.tensor === '' ? [] : { course, made: copy.outputs[states.length + i]! },
  );
  const seeds = arriving.map(({ made }) => back.emit.named('in', back.emit.facts.type(made), back.emit.dims(made)));
  arriving.forEach(({ made }, i) => {
    known.add(made, seeds[i]!);
  });
  const parts = scanned.flatMap((course, i) =>
    active.has(course.tensor) ? { course, part: inputs[states.length + i]! } : [],
  );
  const initial = starts.filter((_, i) => active.has(states[i]!));
  const wanted = [...parts.map(({ part }) => part), ...captured];
  const moving = movingStates(back.emit, copy.nodes, starts, copy.outputs, [...initial, ...wanted]);
  const movingAt = [...states.keys()].filter((i) => moving.has(starts[i]!));
  for (const i of movingAt) known.add(copy.outputs[i]!, back.input(entering[i]!.type, entering[i]!.dims));
  sweep(back.emit, copy.nodes, known, { wanted: new Set([...moving, ...wanted]) });
  const accumulators = new Accumulators(captured);
  for (const i of movingAt) outputGradient(back, known, starts[i]!);
  accumulators.add(back, known);
  for (const { part } of parts) outputGradient(back, known, part);

  const read = back.reads();
  const kept = [...states.keys()].filter((i) => read.has(starts[i]!));
  const { finals, tapes } = runAgain(emit, at, body, entering, kept, scanned);
  for (const tensor of [...kept.map((i) => starts[i]!), ...inputs.slice(states.length), ...seeds]) back.enter(tensor);
  const first = movingAt.map((i) => at.gradients[i] ?? emit.zerosLike(finals[i]!));
  const taken = [...tapes.map(fromStart), ...scanned, ...arriving.map(({ course }) => course)];
  const sources = movingAt.map((i) => states[i]!);
  const given = parts.map(({ course }) => course);
  const made = [...sources, ...captured, ...given.map(({ tensor }) => tensor)].map((tensor) =>
    emit.named('Scan', emit.facts.type(tensor)),
  );
  emit.place(
    makeNode('Scan', [...first, ...accumulators.first(emit), ...taken.map(({ tensor }) => tensor)], made, {
      body: { graph: back.graph() },
      ...scanAttributes('input', taken.map(reversed)),
      ...scanAttributes('output', given.map(reversed)),
    }),
  );
  const sums = made.splice(sources.length, captured.length);
  return [...paired(emit, [...sources, ...given.map(({ tensor }) => tensor)], made), ...accumulators.last(emit, sums)];
};

/** Writes the scan once more. Gives the final states, and those of `kept` as they were at the start of every step. */
function runAgain(
  emit: Emitter,
  at: Application,
  body: GraphProto,
  entering: readonly Entering[],
  kept: readonly number[],
  scanned: readonly Course[],
): { finals: readonly string[]; tapes: readonly string[] } {
  const again = new Subgraph(emit);
  const inputs = entering.map(({ type, dims }) => again.input(type, dims));
  const copy = again.copy(body, inputs);
  const states = entering.slice(0, entering.length - scanned.length);
  for (const tensor of copy.outputs.slice(0, states.length)) again.output(tensor);
  for (const i of kept) again.output(inputs[i]!);
  const finals = states.map(({ type }) => emit.named('final', type));
  const tapes = kept.map((i) => emit.named('tape', entering[i]!.type));
  const attributes = { body: { graph: again.graph() }, ...scanAttributes('input', scanned) };
  emit.place(makeNode('Scan', at.inputs, [...finals, ...tapes], attributes));
  return { finals, tapes };
}

function courses(at: Application, side: 'input' | 'output', tensors: readonly (string | null)[]): Course[] {
  const axes = at.ints(`scan_${side}_axes`);
  const directions = at.ints(`scan_${side}_directions`);
  return tensors.map((tensor, i) => ({ tensor: tensor ?? '', axis: axes?.[i] ?? 0, direction: directions?.[i] ?? 0 }));
}

function fromStart(tensor: string): Course {
  return { tensor, axis: 0, direction: 0 };
}

function reversed({ direction, ...course }: Course): Course {
  return { ...course, direction: 1 - direction };
}

function scanAttributes(side: 'input' | 'output', all: readonly Course[]): Attributes {
  if (all.length === 0) return {};
  return {
    ...(side === 'input' && { num_scan_inputs: { int: all.length } }),
    [`scan_${side}_axes`]: { ints: all.map(({ axis }) => axis) },
    [`scan_${side}_directions`]: { ints: all.map(({ direction }) => direction) },
  };
}
