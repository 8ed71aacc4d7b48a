import { makeNode } from '../make.ts';
import { changedNode, type NodeProto, nodeText } from '../proto.ts';
import { renameReads } from '../rename.ts';
import { subgraphsOf } from '../subgraphs.ts';
import { type Branch, branchIn } from './branch.ts';
import { type Chosen, checkShared, Unshared } from './check-shared.ts';
import { choice } from './choice.ts';
import type { Around } from './has-modules.ts';
import type { Opener } from './open.ts';
import { anchorPairs, type Keyed, pairsOf } from './pairs.ts';
import { commonPath, pathOf } from './paths.ts';
import type { Placed } from './placed.ts';
import { ranNode, saysWhetherRan } from './ran.ts';
import { orderLike, type Side, withHandOvers } from './side.ts';
import { added } from './stands-for.ts';

/**
 * Adds the nodes of two branches. What both do is done once, over the inputs of the branch that runs: so a module that
 * stands in both is one, and costs what it costs in one. Returns what each branch gives.
 *
 * @throws Unshared if a module stands in both that cannot be made one
 */
export function mergeBranches(
  opener: Opener,
  conditional: { readonly node: NodeProto; readonly around: Branch | null; readonly facts: Around },
  sides: readonly [then: Side, otherwise: Side],
): [then: string[], otherwise: string[]] {
  const from = opener.placed.length;
  const modules = new Set<string>();
  for (;;) {
    try {
      const [then, otherwise] = sides.map((side) =>
        withHandOvers(side, modules, { moduleOf: conditional.facts.moduleOf, fresh: (name) => opener.fresh(name) }),
      ) as [Side, Side];
      return new BranchMerger(opener, conditional, [then, otherwise]).merge();
    } catch (error) {
      // A module whose last node is another one in each branch: what it gives becomes a node of its own.
      const others = error instanceof Unshared ? error.modules.filter((path) => path.startsWith('/')) : [];
      if (others.every((path) => modules.has(path))) throw error;
      for (const path of others) modules.add(path);
      opener.placed.length = from;
    }
  }
}

/** The names that the tensors of a branch have since it was merged with the other one. */
class Renamed {
  private readonly names = new Map<string, string>();

  set(name: string, now: string): void {
    this.names.set(name, now);
  }

  readonly of = (name: string): string => this.names.get(name) ?? name;

  node(node: NodeProto): NodeProto {
    return renameReads(node, this.of);
  }
}

class BranchMerger {
  private readonly opener: Opener;
  private readonly node: NodeProto;
  private readonly around: Branch | null;
  private readonly facts: Around;
  private readonly then: Side;
  private readonly otherwise: Side;
  private readonly path: string;
  /** The names that tensors of each branch have now. */
  private readonly inThen = new Renamed();
  private readonly inElse = new Renamed();
  /** Which calls in the other branch are the same, by their paths. */
  private readonly calls = new Map<string, string>();
  /** The path of the node that makes a tensor. */
  private readonly pathOfMaker = new Map<string, string>();
  /** The choices between two tensors, by these. */
  private readonly choices = new Map<string, Chosen>();
  /** What says whether one of two branches runs, by what says it of each. */
  private readonly unions = new Map<string, string>();
  /** What the nodes that make constants give, by what these do. */
  private readonly constants = new Map<string, readonly string[]>();

  constructor(
    opener: Opener,
    { node, around, facts }: { readonly node: NodeProto; readonly around: Branch | null; readonly facts: Around },
    [then, otherwise]: readonly [Side, Side],
  ) {
    this.opener = opener;
    this.node = node;
    this.around = around;
    this.facts = facts;
    this.then = then;
    this.otherwise = otherwise;
    this.path = pathOf(node);
  }

  merge(): [then: string[], otherwise: string[]] {
    const a = this.withoutConstants(this.then, this.inThen);
    const other = this.withoutConstants(this.otherwise, this.inElse);
    const keys = a.map((placed) => this.keyed(placed));
    const otherKeys = other.map((placed) => this.keyed(placed));
    const order = orderLike(anchorPairs(keys, otherKeys), other);
    const b = order.map((at) => other[at]!);
    const pairs = pairsOf(
      keys,
      order.map((at) => otherKeys[at]!),
    ).filter(([i, j]) => String(a[i]!.types) === String(b[j]!.types));
    for (const [i, j] of pairs) this.noteCalls(pathOf(a[i]!.node), pathOf(b[j]!.node));
    const left: [Placed[], Placed[]] = [[], []];
    const from = this.opener.placed.length;
    let [i, j] = [0, 0];
    for (const [p, q] of [...pairs, [a.length, b.length] as const]) {
      for (; i < p; i++) left[0].push(this.emit(a[i]!, this.inThen));
      for (; j < q; j++) left[1].push(this.emit(this.renumbered(b[j]!), this.inElse));
      if (i < a.length && j < b.length) this.pair(a[i++]!, b[j++]!);
    }
    const outputs = this.outputs();
    checkShared({
      left,
      all: this.opener.placed.slice(from),
      outputs,
      choices: [...this.choices.values()],
      around: this.path,
      facts: this.facts,
    });
    return outputs;
  }

  /** The nodes of a branch but those that make constants, which are added at once, each only once. */
  private withoutConstants({ placed }: Side, renamed: Renamed): readonly Placed[] {
    const others: Placed[] = [];
    for (const one of placed) {
      const isConstant = one.branch === null && !saysWhetherRan(one.node);
      const node = renamed.node(one.node);
      if (!isConstant) {
        others.push({ ...one, node });
        continue;
      }
      const text = nodeText(changedNode(node, { output: node.output.map(() => '') }));
      const known = this.constants.get(text);
      if (known === undefined) {
        this.constants.set(text, node.output);
        this.opener.put({ ...one, node });
      } else node.output.forEach((name, i) => void renamed.set(name, known[i]!));
    }
    for (const { node } of others) for (const name of node.output) this.pathOfMaker.set(name, pathOf(node));
    return others;
  }

  /** What a node does, and with which constants: what else it reads may differ between the branches. */
  private keyed({ node, leaves }: Placed): Keyed {
    if (leaves !== undefined) return { key: `leaves ${leaves}`, isAnchor: true };
    if (subgraphsOf(node).length > 0 || saysWhetherRan(node)) return { key: null, isAnchor: false };
    const constants = node.input.map((name) => (name === '' || this.opener.isConstant(name) ? name : '?'));
    const text = nodeText(changedNode(node, { input: constants, output: node.output.map((name) => name && '?') }));
    const isAnchor = node.input.some((name) => this.facts.weights.has(name) && name.includes('.'));
    // Of a module of a module, TorchScript tells the path in some calls only.
    return { key: isAnchor ? text : `${this.facts.moduleOf(pathOf(node))} ${text}`, isAnchor };
  }

  /** Notes that two paths are of the same calls. */
  private noteCalls(a: string, b: string): void {
    if (a === b) return;
    const [own, others] = [a.split('/'), b.split('/')];
    for (let length = 2; length <= Math.min(own.length, others.length); length++) {
      const call = others.slice(0, length).join('/');
      if (!this.calls.has(call)) this.calls.set(call, own.slice(0, length).join('/'));
    }
  }

  /** A node of the second branch under the number that its call has in the first. */
  private renumbered(placed: Placed): Placed {
    const path = pathOf(placed.node);
    for (let call = path; call !== ''; call = call.slice(0, call.lastIndexOf('/'))) {
      const same = this.calls.get(call);
      if (same === undefined) continue;
      return { ...placed, node: changedNode(placed.node, { name: same + placed.node.name.slice(call.length) }) };
    }
    return placed;
  }

  private emit(placed: Placed, renamed: Renamed): Placed {
    const now = { ...placed, node: renamed.node(placed.node) };
    this.push(now);
    return now;
  }

  private push(placed: Placed): void {
    const path = pathOf(placed.node);
    for (const name of placed.node.output) this.pathOfMaker.set(name, path);
    this.opener.put(placed);
  }

  /** Adds what both branches do. */
  private pair(a: Placed, b: Placed): void {
    const branch = this.either(a.branch!, b.branch!);
    const input = a.node.input.map((name, i) => this.choose(name, b.node.input[i]!, branch));
    b.node.output.forEach((name, i) => void this.inElse.set(name, a.node.output[i]!));
    const other = this.renumbered(b).node;
    const { name } = pathOf(other).length > pathOf(a.node).length ? other : a.node;
    this.push({ ...a, node: changedNode(a.node, { input, name }), branch });
  }

  /** Where a node runs that stands in both branches. */
  private either(a: Branch, b: Branch): Branch {
    const here = branchIn(this.around, this.then.ran);
    const [inA, inB] = [a.ran.at(-1)!, b.ran.at(-1)!];
    if (inA === this.then.ran && inB === this.otherwise.ran) return here;
    const key = `${inA} ${inB}`;
    let union = this.unions.get(key);
    if (union === undefined) {
      union = this.opener.fresh(`${this.node.output[0]}:either`);
      this.opener.place(ranNode(makeNode('Or', [inA, inB], [union]), this.node, this.around), null);
      this.unions.set(key, union);
    }
    return { ...here, ran: [...here.ran, union] };
  }

  /** The tensor of the branch that runs. It belongs to the module that makes both. */
  private choose(a: string, b: string, branch: Branch): string {
    const [then, otherwise] = [this.inThen.of(a), this.inElse.of(b)];
    if (then === otherwise) return then;
    const key = `${then} ${otherwise} ${branch.ran.at(-1)}`;
    const known = this.choices.get(key);
    if (known !== undefined) return known.name;
    const name = this.opener.fresh(`${then.replaceAll('/', ':')}:chosen`);
    const path = commonPath(this.pathAt(then), this.pathAt(otherwise));
    const isNamed = this.node.name.includes('/') || this.pathAt(then) + this.pathAt(otherwise) !== '';
    const node = choice(this.then.ran, [then], [otherwise], [name], isNamed ? `${path}/${name}` : name);
    this.opener.place(added(node), branch);
    this.pathOfMaker.set(name, path);
    this.choices.set(key, { name, sources: [then, otherwise], path });
    // What leaves a module is read in both branches as what it is in the one that runs, if it is there wherever they run.
    const isEverywhere = branch.ran.length === (this.around?.ran.length ?? 0);
    if (isEverywhere && path.length > this.path.length) {
      this.inThen.set(a, name);
      this.inElse.set(b, name);
    }
    return name;
  }

  private pathAt(tensor: string): string {
    return this.pathOfMaker.get(tensor) ?? this.path;
  }

  /** What the branches give: of what leaves a module that stands in both, the one that was chosen. */
  private outputs(): [then: string[], otherwise: string[]] {
    const branch = branchIn(this.around, this.then.ran);
    const chosen = this.then.outputs.map((a, i): [string, string] => {
      const b = this.otherwise.outputs[i]!;
      const [then, otherwise] = [this.inThen.of(a), this.inElse.of(b)];
      const path = commonPath(this.pathAt(then), this.pathAt(otherwise));
      if (then === otherwise || path.length <= this.path.length) return [then, otherwise];
      const name = this.choose(a, b, branch);
      return [name, name];
    });
    return [chosen.map(([then]) => then), chosen.map(([, otherwise]) => otherwise)];
  }
}
