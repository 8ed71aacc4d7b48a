import { expect, it } from 'vitest';
import type { Program } from '../../runtime/partition/plan.ts';
import { type NewDispatch, Registers } from '../../runtime/partition/registers.ts';
import { GraphMaker, outputOf } from '../support/graphs.ts';

const program: Program = { key: 'p', kind: 'segment', weights: 0, random: false, write: () => new Uint8Array() };

function dispatch(feeds: readonly number[], fetches: readonly number[]): NewDispatch {
  const ports = (registers: readonly number[]) => registers.map((register) => ({ name: `t${register}`, register }));
  return { program, kind: 'segment', label: 'p', feeds: ports(feeds), fetches: ports(fetches), nodes: [] };
}

it('are one for each tensor of the model and each value of the graph', () => {
  const make = new GraphMaker();
  const [one, two] = [make.op('exp'), make.op('neg')];
  const registers = new Registers(make.graph, ['x']);
  expect(['a', 'b', 'a'].map((tensor) => registers.of(tensor))).toEqual([0, 1, 0]);
  expect([one, two, one].map((node) => registers.of(outputOf(node)))).toEqual([2, 3, 2]);
});

it('are shared by a value and the tensor that it is', () => {
  const make = new GraphMaker();
  const [read, same] = [make.read('m'), make.op('exp')];
  const registers = new Registers(make.graph, []);
  registers.alias(outputOf(read), 'a');
  registers.alias(outputOf(same), outputOf(read));
  expect([registers.of(outputOf(same)), registers.of('a')]).toEqual([0, 0]);
  expect(registers.plan([], [], []).registers).toBe(1);
});

it('hold the inputs and operands that are needed, and no others', () => {
  const make = new GraphMaker();
  make.operand();
  const used = make.operand();
  const registers = new Registers(make.graph, ['x', 'unused']);
  registers.of('a');
  registers.of(outputOf(used));
  registers.of('x');
  const plan = registers.plan([], ['h.0'], []);
  expect(plan.inputs).toEqual([{ name: 'x', register: 2 }]);
  expect(plan.operands).toEqual([{ position: 1, register: 1 }]);
  expect(plan.skipped).toEqual(['h.0']);
});

it('are dropped by the last dispatch that needs them, and by the one whose output is not used', () => {
  const make = new GraphMaker();
  const saved = make.op('exp');
  make.save(saved);
  const registers = new Registers(make.graph, ['x']);
  const [x, a, unused] = ['x', 'a', 'unused'].map((tensor) => registers.of(tensor)) as [number, number, number];
  const result = registers.of(outputOf(saved));
  const plan = registers.plan([dispatch([x], [a, unused]), dispatch([x, a], []), dispatch([a], [result])], [], []);
  expect(plan.dispatches.map(({ drops }) => drops)).toEqual([[unused], [x], [a]]);
  expect(plan.saves).toEqual([result]);
  expect(plan.registers).toBe(4);
});

it('that are saved are never dropped, even if a dispatch reads them later', () => {
  const make = new GraphMaker();
  const saved = make.op('exp');
  make.save(saved);
  make.save(saved);
  const registers = new Registers(make.graph, []);
  const result = registers.of(outputOf(saved));
  const plan = registers.plan([dispatch([], [result]), dispatch([result], [])], [], []);
  expect(plan.dispatches.map(({ drops }) => drops)).toEqual([[], []]);
  expect(plan.saves).toEqual([result, result]);
});
