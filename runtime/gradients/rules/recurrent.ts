import { floatsAttribute, stringsAttribute } from '../../onnx/attributes.ts';
import { makeNode } from '../../onnx/make.ts';
import type { Emitter } from '../emitter.ts';
import type { Dim } from '../facts.ts';
import type { Application, Rules } from '../rule.ts';
import { Subgraph } from '../subgraph.ts';
import { decomposed } from './decomposed.ts';

/** Activation functions that need no parameters. */
const ACTIVATIONS = new Set(['Relu', 'Sigmoid', 'Softplus', 'Softsign', 'Tanh']);

/** The weights of one direction, as its steps read them, and its activation functions. */
interface Direction {
  /** [hidden, gates · hidden] */
  readonly recurrence: string;
  /** [gates · hidden] */
  readonly bias: string | null;
  readonly hidden: number;
  readonly activations: readonly string[];
}

/** A step: from the states and the input's share of the gates, [batch, gates · hidden], the new states. */
type Step = (emit: Emitter, states: readonly string[], part: string) => string[];

interface Cell {
  /** The activation functions that it has without being told. */
  readonly activations: readonly string[];
  /** The places of the first states among the inputs. */
  readonly states: readonly number[];
  /** Prepares the tensors that all steps share. */
  readonly step: (emit: Emitter, at: Application, direction: Direction) => Step;
}

/** A layer as one product with all inputs, and a Scan of its steps for each direction. */
function recurrent(cell: Cell) {
  return decomposed((emit, at) => {
    refuseVariants(at);
    const [x, weights, recurrences] = at.inputs as [string, string, string];
    const hidden = at.int('hidden_size', 0);
    const kind = at.string('direction', 'forward');
    const count = kind === 'bidirectional' ? 2 : 1;
    const batch = assumed(emit, x, 3)[1]!;
    const each = (tensor: string, rank: number) => (tensor === '' ? [] : directions(emit, tensor, rank, count));
    const [w, r, b] = [each(weights, 3), each(recurrences, 3), each(at.input(3), 2)];
    const given = cell.states.map((place) => each(at.input(place), 3));
    const runs = Array.from({ length: count }, (_, d) => {
      const [ofInputs, ofStates] = b[d] ? emit.parts(b[d], 2, 0) : [null, null];
      const product = emit.node('MatMul', [x, emit.transpose(w[d]!, [1, 0])]);
      const recurrence = emit.transpose(r[d]!, [1, 0]);
      const step = cell.step(emit, at, { recurrence, bias: ofStates!, hidden, activations: activations(at, cell, d) });
      const first = given.map((states) => states[d] ?? zeroState(emit, x, hidden));
      const isReversed = kind === 'reverse' || d === 1;
      return scan(emit, first, ofInputs ? emit.plus(product, ofInputs) : product, [batch, hidden], isReversed, step);
    });
    const stack = (tensors: readonly string[], axis: number) => {
      const apart = tensors.map((tensor) => emit.unsqueeze(tensor, axis));
      return emit.concat(apart, axis);
    };
    const all = stack(
      runs.map((run) => run.all),
      1,
    );
    return [
      all,
      ...cell.states.map((_, i) =>
        stack(
          runs.map((run) => run.last[i]!),
          0,
        ),
      ),
    ];
  });
}

function refuseVariants(at: Application): void {
  if (at.input(4) !== '') throw at.refuse('sequences of different lengths have no derivative here');
  if (at.int('layout', 0) !== 0) throw at.refuse('the layout with the batch in front has no derivative here');
  if (at.has('clip')) throw at.refuse('clipped activations have no derivative here');
  if (at.int('input_forget', 0) !== 0) throw at.refuse('coupled input and forget gates have no derivative here');
  if (at.node.opType === 'LSTM' && at.input(7) !== '') throw at.refuse('peepholes have no derivative here');
}

function activations(at: Application, cell: Cell, direction: number): readonly string[] {
  const all = stringsAttribute(at.node, 'activations') ?? [...cell.activations, ...cell.activations];
  const count = cell.activations.length;
  const own = all.slice(direction * count, (direction + 1) * count);
  const other = own.find((name) => !ACTIVATIONS.has(name));
  if (other !== undefined) throw at.refuse(`the activation function ${other} has no derivative here`);
  if (floatsAttribute(at.node, 'activation_alpha')?.length || floatsAttribute(at.node, 'activation_beta')?.length) {
    throw at.refuse('parameters of activation functions have no derivative here');
  }
  return own;
}

/** The sizes of a tensor, of which the operator tells how many there are. */
function assumed(emit: Emitter, tensor: string, rank: number): readonly Dim[] {
  const dims = emit.dims(tensor) ?? Array.from({ length: rank }, () => emit.facts.symbol());
  emit.facts.setDims(tensor, dims);
  return dims;
}

/** The parts of a tensor for the directions, which its first dimension stands for. */
function directions(emit: Emitter, tensor: string, rank: number, count: number): string[] {
  assumed(emit, tensor, rank);
  const parts = count === 1 ? [tensor] : emit.parts(tensor, count, 0);
  return parts.map((part) => emit.node('Squeeze', [part, emit.ints(0)]));
}

function zeroState(emit: Emitter, x: string, hidden: number): string {
  return emit.zeros(emit.join(emit.size(x, 1), emit.ints(hidden)), emit.dtype(x));
}

/** A Scan over the first dimension of `parts`. Gives the last states, and the first of the states after every step. */
function scan(
  emit: Emitter,
  first: readonly string[],
  parts: string,
  dims: readonly Dim[],
  isReversed: boolean,
  step: Step,
): { last: readonly string[]; all: string } {
  const type = emit.facts.type(parts);
  const body = new Subgraph(emit);
  const states = first.map(() => body.input(type, dims));
  const made = step(body.emit, states, body.input(type, emit.dims(parts)!.slice(1)));
  for (const tensor of [...made, made[0]!]) body.output(tensor);
  const direction = { ints: [isReversed ? 1 : 0] };
  const last = first.map(() => emit.named('last', type, dims));
  const all = emit.named('all', type, [emit.dims(parts)![0]!, ...dims]);
  emit.place(
    makeNode('Scan', [...first, parts], [...last, all], {
      body: { graph: body.graph() },
      num_scan_inputs: { int: 1 },
      scan_input_directions: direction,
      scan_output_directions: direction,
    }),
  );
  return { last, all };
}

/** The states' share of the gates. */
function fromStates(emit: Emitter, state: string, { recurrence, bias }: Direction): string {
  const product = emit.node('MatMul', [state, recurrence]);
  return bias ? emit.plus(product, bias) : product;
}

const LSTM: Cell = {
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  states: [5, 6],
  step(_, __, direction) {
    const { hidden, activations } = direction;
    const [f, g, h] = activations as [string, string, string];
    return (emit, [state, cell], part) => {
      const gates = emit.plus(part, fromStates(emit, state!, direction));
      const [input, output, forget, candidate] = emit.split(gates, [hidden, hidden, hidden, hidden], -1) as [
        string,
        string,
        string,
        string,
      ];
      const kept = emit.times(emit.node(f, [forget]), cell!);
      const next = emit.plus(kept, emit.times(emit.node(f, [input]), emit.node(g, [candidate])));
      return [emit.times(emit.node(f, [output]), emit.node(h, [next])), next];
    };
  },
};

const GRU: Cell = {
  activations: ['Sigmoid', 'Tanh'],
  states: [5],
  step(outer, at, direction) {
    const { hidden, activations } = direction;
    const [f, g] = activations as [string, string];
    const isLinearBeforeReset = at.int('linear_before_reset', 0) !== 0;
    const sizes = [2 * hidden, hidden];
    const [ofGates, ofCandidate] = outer.split(direction.recurrence, sizes, 1) as [string, string];
    const [gateBias, candidateBias] = direction.bias ? outer.split(direction.bias, sizes, 0) : [null, null];
    const toGates = { ...direction, recurrence: ofGates, bias: gateBias! };
    const toCandidate = { ...direction, recurrence: ofCandidate, bias: candidateBias! };
    return (emit, [state], part) => {
      const [gatePart, candidatePart] = emit.split(part, sizes, -1) as [string, string];
      const gates = emit.node(f, [emit.plus(gatePart, fromStates(emit, state!, toGates))]);
      const [update, reset] = emit.split(gates, [hidden, hidden], -1) as [string, string];
      const recurrent = isLinearBeforeReset
        ? emit.times(reset, fromStates(emit, state!, toCandidate))
        : fromStates(emit, emit.times(reset, state!), toCandidate);
      const candidate = emit.node(g, [emit.plus(candidatePart, recurrent)]);
      return [emit.plus(candidate, emit.times(update, emit.minus(state!, candidate)))];
    };
  },
};

const RNN: Cell = {
  activations: ['Tanh'],
  states: [5],
  step(_, __, direction) {
    return (emit, [state], part) => [
      emit.node(direction.activations[0]!, [emit.plus(part, fromStates(emit, state!, direction))]),
    ];
  },
};

/** Rules of recurrent layers. */
export const RECURRENT: Rules = { LSTM: recurrent(LSTM), GRU: recurrent(GRU), RNN: recurrent(RNN) };
