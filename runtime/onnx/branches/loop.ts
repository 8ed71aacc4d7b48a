import { type Attributes, makeNode } from '../make.ts';
import { changedNode, type GraphProto, type NodeProto, type ValueInfoProto } from '../proto.ts';
import { nodesWithin, subgraphsOf } from '../subgraphs.ts';
import { type Branch, branchIn } from './branch.ts';
import { choice } from './choice.ts';
import type { Opener } from './open.ts';
import { ranNode } from './ran.ts';
import { added, standingFor } from './stands-for.ts';

/** How many iterations are written out at most, and how many nodes they may have together. */
const MOST_ITERATIONS = 16;
const MOST_NODES = 2000;

/** How many iterations of a loop are written out: none of one with a very large body. */
export function iterationsOf(loop: NodeProto): number {
  const nodes = subgraphsOf(loop).flatMap(({ node }) => [...nodesWithin(node)]).length;
  return Math.min(MOST_ITERATIONS, Math.floor(MOST_NODES / nodes));
}

/**
 * Adds the first iterations of a loop, each as a branch of its own that runs if the loop gets there, and in the loop's place
 * what gives its results: a loop of the iterations that are left.
 */
export function openLoop(opener: Opener, node: NodeProto, around: Branch | null): void {
  new LoopOpener(opener, node, around).open();
}

class LoopOpener {
  private readonly opener: Opener;
  private readonly node: NodeProto;
  private readonly around: Branch | null;
  private readonly body: GraphProto;
  /** How often the loop runs at most; '' without a limit. */
  private readonly most: string;
  private readonly initial: readonly string[];
  private readonly of: string;

  constructor(opener: Opener, node: NodeProto, around: Branch | null) {
    const [most = '', , ...initial] = node.input;
    this.opener = opener;
    this.node = node;
    this.around = around;
    this.body = subgraphsOf(node)[0]!;
    this.most = most;
    this.initial = initial;
    this.of = node.output.find((name) => name !== '')!;
  }

  open(): void {
    const { opener, node, body, initial, around } = this;
    const count = iterationsOf(node);
    const more = opener.fresh(`${this.of}:more`);
    const ran: string[] = [];
    let goesOn = node.input[1] || opener.truth();
    let within = around;
    /** What is carried to the next iteration, and what the loop gives if it has ended. */
    let current = initial;
    let ended = initial;
    let rows: readonly string[] = [];
    for (let k = 0; k < count; k++) {
      ran.push(this.addRan(k, goesOn, within, opener.fresh(`${this.of}:${k}`)));
      const isLast = k === count - 1;
      const branch = { ...branchIn(around, this.of, ran), iteration: k, ...(isLast && { more }) };
      const entering = [opener.integer(k), opener.truth(), ...current];
      const renamed = opener.addBody(body, branch, new Map(body.input.map(({ name }, i) => [name, entering[i]!])));
      const made = body.output.map(({ name }) => renamed(name));
      goesOn = made[0]!;
      current = made.slice(1, 1 + initial.length);
      ended = this.addChoice(ran.at(-1)!, current, ended, around);
      rows = this.addRows(made.slice(1 + initial.length), rows, branch, this.within(ran[0]!));
      within = branch;
    }
    this.addRest(count, this.addRan(count, goesOn, within, more), ran[0]!, ended, rows);
  }

  /** Adds what says whether an iteration runs, if the one before says that it goes on. */
  private addRan(k: number, goesOn: string, within: Branch | null, name: string): string {
    const { opener, most } = this;
    const isIn = most === '' ? null : this.add('Less', [opener.integer(k), most], within);
    const says = isIn === null ? goesOn : this.add('And', [goesOn, isIn], within);
    opener.place(ranNode(makeNode('Reshape', [says, opener.noDims()], [name]), this.node, within), null);
    return name;
  }

  /** Adds what the loop collects: with one row more, if an iteration runs. */
  private addRows(made: readonly string[], rows: readonly string[], branch: Branch, first: Branch): readonly string[] {
    const own = made.map((row) => this.add('Unsqueeze', [row, this.opener.integers(0)], branch));
    if (rows.length === 0) return own;
    const longer = rows.map((before, i) => this.add('Concat', [before, own[i]!], branch, { axis: { int: 0 } }));
    return this.addChoice(branch.ran.at(-1)!, longer, rows, first);
  }

  /** Adds the loop of the iterations that are left, and what it and those before give. */
  private addRest(count: number, more: string, first: string, ended: readonly string[], rows: readonly string[]): void {
    const { opener, node, most, around, initial } = this;
    const left = most === '' ? '' : this.add('Sub', [most, opener.integer(count)], around);
    const body = opener.copied(this.body);
    const [counter, ...others] = body.input as [ValueInfoProto, ...ValueInfoProto[]];
    const from = opener.fresh(`${this.of}:from`);
    const counted = makeNode('Add', [from, opener.integer(count)], [counter.name]);
    const later = { ...body, input: [{ ...counter, name: from }, ...others], node: [counted, ...body.node] };
    const outputs = rows.length === 0 ? node.output : node.output.map(() => opener.fresh(`${this.of}:rest`));
    const loop = makeNode('Loop', [left, more, ...ended], outputs, { body: { graph: later } }, node.name);
    opener.place(standingFor(loop, node), around);
    if (rows.length === 0) return;
    const collected = outputs.slice(initial.length);
    const both = rows.map((row, i) =>
      this.add('Concat', [row, collected[i]!], this.within(more), { axis: { int: 0 } }),
    );
    const some = this.addChoice(more, both, rows, this.within(first));
    const given = choice(first, [...outputs.slice(0, initial.length), ...some], outputs, node.output);
    opener.place(added(changedNode(given, { metadataProps: node.metadataProps })), around);
  }

  private addChoice(ran: string, a: readonly string[], b: readonly string[], within: Branch | null): readonly string[] {
    if (a.length === 0) return [];
    const names = a.map(() => this.opener.fresh(`${this.of}:chosen`));
    this.opener.place(added(choice(ran, a, b, names)), within);
    return names;
  }

  private add(op: string, inputs: readonly string[], within: Branch | null, attributes: Attributes = {}): string {
    const name = this.opener.fresh(`${this.of}:${op}`);
    this.opener.place(added(makeNode(op, inputs, [name], attributes)), within);
    return name;
  }

  private within(ran: string): Branch {
    return branchIn(this.around, this.of, [ran]);
  }
}
