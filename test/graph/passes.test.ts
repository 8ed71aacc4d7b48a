import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InterventionGraph } from '../../runtime/graph/graph.ts';
import { decide } from '../../runtime/graph/passes/decide.ts';
import { hoistFunctions } from '../../runtime/graph/passes/hoist-functions.ts';
import { narrow } from '../../runtime/graph/passes/narrow.ts';
import { narrowCalls } from '../../runtime/graph/passes/narrow-calls.ts';
import type { Rewritten } from '../../runtime/graph/passes/pass.ts';
import { settleReturned } from '../../runtime/graph/passes/settle-returned.ts';
import { untangle } from '../../runtime/graph/passes/untangle.ts';
import type { Node, Site, Value } from '../../runtime/graph/types.ts';
import { withRegions } from '../../runtime/graph/walk.ts';
import { GraphMaker, outputOf } from '../support/graphs.ts';

const at = (line: number): Site => ({ file: 'block.ts', line, column: 1 });

/** A graph with the result that a pass has on it. */
interface Example {
  readonly graph: InterventionGraph;
  /** The graph as text, before the pass. */
  readonly before: string;
  readonly rewritten: Rewritten;
}

/** Reads of some rows of the logits, of a model whose last module makes each row by itself. */
function narrowed(rows: readonly number[]): Example {
  const make = new GraphMaker();
  const logits = make.read('head', { site: at(1), dims: [2, 16, 8] });
  const picked = rows.map((row, i) => make.item(logits, [0, row], at(i + 2)));
  picked.forEach((node, i) => {
    make.save(make.op('exp', node));
    if (i === 0) make.save(node);
  });
  const address = { path: 'last', port: 'output' as const, index: 0, call: 0 };
  const end = { entry: 'last.output', dtype: 'float32' as const, address, tensors: new Set(['head.output']) };
  const context = {
    tensorAt: ({ path, port }: { path: string; port: string }) => `${path}.${port}`,
    endOf: (tensor: string) => (tensor === 'head.output' ? end : null),
    isRowWise: () => false,
  };
  return { graph: make.graph, before: String(make.graph), rewritten: narrow(make.graph, context) };
}

/** Modules called on layers, of which a row of the first text is read each time. */
function called(rows: readonly number[]): Example {
  const make = new GraphMaker();
  const type = { dtype: 'float32' as const, shape: [2, 16, 8] };
  rows.forEach((row, i) => {
    let value = make.read(`layer${i}`, { site: at(3 * i + 1), dims: type.shape });
    for (const path of ['norm', 'unembedding']) {
      const address = { path, port: 'output' as const, index: 0, call: 0, forward: 0 };
      value = make.graph.add(make.graph.root, 'call', value.outputs, [type], address, at(3 * i + 2)) as Node;
    }
    make.save(make.op('exp', make.item(value, [0, row], at(3 * i + 3))));
  });
  return {
    graph: make.graph,
    before: String(make.graph),
    rewritten: narrowCalls(make.graph, { isRowWise: () => true }),
  };
}

/** A conditional of several results, one of which is on a cycle. */
function untangled(results: number): Example {
  const make = new GraphMaker();
  const test = make.read('test', { site: at(1) });
  const value = make.read('first', { site: at(2) });
  const both = make.choice(test, value, results, at(3));
  for (const output of both.outputs) make.graph.saves.push({ name: `s${output.index}`, value: output });
  let isTangled = true;
  const cycle = (graph: InterventionGraph) => {
    const found = isTangled ? graph.root.nodes.filter(({ op }) => op === 'if') : null;
    isTangled = false;
    return found;
  };
  return { graph: make.graph, before: String(make.graph), rewritten: untangle(make.graph, { cycle }) };
}

/** A conditional of several results whose condition is known, and one that depends on it. */
function decided(results: number, is: boolean): Example {
  const make = new GraphMaker();
  const test = make.read('test', { site: at(1) });
  const both = make.choice(test, make.read('first', { site: at(2) }), results, at(3));
  const other = make.choice(make.read('other', { site: at(4) }), both, results, at(5));
  for (const output of [...both.outputs, ...other.outputs]) {
    make.graph.saves.push({ name: `s${make.graph.saves.length}`, value: output });
  }
  const truth = (value: Value) => (value === outputOf(test) ? is : null);
  return { graph: make.graph, before: String(make.graph), rewritten: decide(make.graph, { truth }) };
}

/** What a call gave, used before its output is set: to something else, or to what is computed from it. */
function settled(uses: number, isOwn: boolean): Example {
  const make = new GraphMaker();
  const output = make.read('sae', { site: at(1) });
  const returned = make.op('abs', output);
  for (let i = 0; i < uses; i++) make.save(make.op('exp', returned));
  const final = make.op('neg', isOwn ? returned : make.read('other', { site: at(2) }));
  make.save(make.choice(make.read('test', { site: at(3) }), returned, 1, at(4)));
  const finals = new Map([[outputOf(returned), outputOf(final)]]);
  return { graph: make.graph, before: String(make.graph), rewritten: settleReturned(make.graph, { finals }) };
}

/** Functions of the user in a branch. */
function hoisted(side: 0 | 1, functions: number): Example {
  const make = new GraphMaker();
  const test = make.read('test', { site: at(1) });
  make.save(make.applying(test, make.read('first', { site: at(2) }), side, functions, at(3)));
  return { graph: make.graph, before: String(make.graph), rewritten: hoistFunctions(make.graph, null) };
}

const examples = fc.oneof(
  fc.tuple(fc.constantFrom(0 as const, 1 as const), fc.integer({ min: 1, max: 3 })).map(
    ([side, functions]) =>
      () =>
        hoisted(side, functions),
  ),
  fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()).map(
    ([uses, isOwn]) =>
      () =>
        settled(uses, isOwn),
  ),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.boolean()).map(
    ([results, is]) =>
      () =>
        decided(results, is),
  ),
  fc.uniqueArray(fc.integer({ min: 0, max: 15 }), { minLength: 1, maxLength: 4 }).map((rows) => () => narrowed(rows)),
  fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 1, maxLength: 3 }).map((rows) => () => called(rows)),
  fc.integer({ min: 2, max: 4 }).map((results) => () => untangled(results)),
);

function sites(graph: InterventionGraph): Set<unknown> {
  return new Set([...withRegions(graph.root.nodes)].map(({ site }) => site));
}

describe('every pass', () => {
  it('changes these examples', () => {
    expect(narrowed([3]).rewritten.graph.root.nodes.some(({ op }) => op === 'write')).toBe(true);
    const calls = ({ rewritten }: Example) => rewritten.graph.root.nodes.filter(({ op }) => op === 'call').length;
    expect([calls(called([3])), calls(called([3, 0, 5]))]).toEqual([2, 2]);
    expect(untangled(3).rewritten.graph.root.nodes.filter(({ op }) => op === 'if')).toHaveLength(3);
    const [read, final, use] = settled(1, true).rewritten.graph.root.nodes;
    expect(final!.inputs).toEqual(read!.outputs);
    expect(use!.inputs).toEqual(final!.outputs);
    expect(decided(2, true).rewritten.graph.root.nodes.map(({ op }) => op)).toEqual([
      'read',
      'read',
      'neg',
      'neg',
      'read',
      'if',
    ]);
    const names = (example: Example) => example.rewritten.graph.root.nodes.map(({ op }) => op);
    expect(names(hoisted(0, 1))).toEqual(['read', 'read', 'operand', 'if', 'apply', 'if']);
    expect(names(hoisted(1, 2)).filter((op) => op === 'apply' || op === 'if')).toEqual(['if', 'apply', 'apply', 'if']);
    expect(decided(1, false).rewritten.graph.root.nodes.map(({ op }) => op)).toEqual([
      'read',
      'read',
      'abs',
      'read',
      'if',
    ]);
  });

  it('leaves the graph that it was given as it is', () => {
    fc.assert(
      fc.property(examples, (example) => {
        const { graph, before } = example();
        expect(String(graph)).toBe(before);
        for (const node of withRegions(graph.root.nodes)) {
          for (const output of node.outputs) expect(output.node).toBe(node);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives nodes at the sites of those that they come from', () => {
    fc.assert(
      fc.property(examples, (example) => {
        const { graph, rewritten } = example();
        const known = sites(graph);
        for (const site of sites(rewritten.graph)) expect(known.has(site)).toBe(true);
        for (const node of withRegions(graph.root.nodes)) {
          for (const [i, output] of node.outputs.entries()) {
            const moved = mayMove(node) ? rewritten.value(output).node : null;
            if (moved && i === 0) expect(moved.site).toBe(node.site);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('keeps the names and the types of saves', () => {
    fc.assert(
      fc.property(examples, (example) => {
        const { graph, rewritten } = example();
        const told = ({ saves }: InterventionGraph) => saves.map(({ name, value: { type } }) => ({ name, type }));
        expect(told(rewritten.graph)).toEqual(told(graph));
        for (const [i, save] of graph.saves.entries()) {
          expect(rewritten.value(save.value)).toBe(rewritten.graph.saves[i]!.value);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('leaves nothing behind that is used before it is made', () => {
    fc.assert(
      fc.property(examples, (example) => {
        const made = new Set();
        for (const node of example().rewritten.graph.root.nodes) {
          for (const input of node.inputs) expect(made.has(input)).toBe(true);
          for (const output of node.outputs) made.add(output);
        }
      }),
      { numRuns: 30 },
    );
  });
});

/** What has values in the root that something else uses: the logits themselves are gone after narrowing. */
function mayMove(node: Node): boolean {
  return node.op === 'exp' || node.op === 'if' || (node.op === 'read' && node.attributes.path !== 'head');
}

describe('a pass that has nothing to do', () => {
  it('gives the graph itself', () => {
    const make = new GraphMaker();
    make.save(make.op('exp', make.read('head')));
    expect(untangle(make.graph, { cycle: () => null }).graph).toBe(make.graph);
    expect(narrow(make.graph, { tensorAt: () => 'x', endOf: () => null, isRowWise: () => false }).graph).toBe(
      make.graph,
    );
    expect(narrowCalls(make.graph, { isRowWise: () => true }).graph).toBe(make.graph);
    expect(settleReturned(make.graph, { finals: new Map() }).graph).toBe(make.graph);
    expect(decide(make.graph, { truth: () => null }).graph).toBe(make.graph);
  });
});
