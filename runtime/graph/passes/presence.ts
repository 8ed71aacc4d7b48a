import { GraphCopier } from '../copy.ts';
import { isHosted } from '../forwards.ts';
import type { InterventionGraph } from '../graph.ts';
import { usesOf } from '../live.ts';
import { operandData } from '../operand-data.ts';
import type { Address } from '../ops.ts';
import type { Node, NodeOf, Region, TensorType, Value } from '../types.ts';
import { withRegions } from '../walk.ts';
import { type Rewritten, unchanged } from './pass.ts';

export interface PresenceContext {
  /**
   * Where the truth values are that say whether the branches of the model run in which a tensor is made (or, of a write, read):
   * from the outermost to its own. None for a tensor that is always there.
   */
  ran(node: NodeOf<'read'> | NodeOf<'write'>): readonly Address[];
  /** Whether what is read is such a truth value. */
  isTruth(node: NodeOf<'read'>): boolean;
  /** Of a tensor in the last iteration of a loop that can be reached: where it stands whether the loop goes on. */
  more(node: NodeOf<'read'> | NodeOf<'write'>): Address | null;
  readonly errors: PresenceErrors;
}

export interface PresenceErrors {
  /** For a node that cannot be computed of a value which may not be there. */
  refusal(node: Node): Error;
  /** For a write of a value that a run did not find. */
  notThere(write: NodeOf<'write'>): Error;
  /** For a run in which a loop goes on after the last iteration that can be reached. */
  beyond(node: NodeOf<'read'> | NodeOf<'write'>): Error;
}

/** A graph in which nothing is computed of what is not there. */
export interface Present extends Rewritten {
  /** For saves whose value may not be there: the save that says whether it is. Positions among the saves, behind the old ones. */
  readonly saved: ReadonlyMap<number, number>;
  /** What must not be in a run: the error, and the save that says whether all is well. */
  readonly checks: readonly { error(): Error; readonly at: number }[];
}

const TRUTH: TensorType = { dtype: 'bool', shape: [] };

/** What has to have run for a value to be there: truth values of the graph. */
type Needs = ReadonlySet<Value>;
const ALWAYS: Needs = new Set();

/**
 * Computes what is made of modules in branches of the model only if these run, and tells of what is saved whether it is there.
 * Throws the context's error for what cannot be done with a value that may not be there.
 */
export function presence(graph: InterventionGraph, context: PresenceContext): Present {
  const isIn = (node: Node) =>
    (node.op === 'read' && (context.isTruth(node) || context.ran(node).length > 0)) ||
    (node.op === 'write' && context.ran(node).length > 0);
  for (const node of withRegions(graph.root.nodes)) if (isIn(node)) return new Presence(graph, context).run();
  const { value } = unchanged(graph);
  return { graph, value, saved: new Map(), checks: [] };
}

class Presence extends GraphCopier implements Present {
  readonly saved = new Map<number, number>();
  readonly checks: { error(): Error; at: number }[] = [];
  private readonly safe: { error(): Error; value: Value }[] = [];
  private readonly context: PresenceContext;
  /** What the values of the new graph need, where that is something. */
  private readonly needs = new Map<Value, Needs>();
  /** The truth values that say whether branches run, by forward and address. */
  private readonly known = new Map<string, Value>();
  /** What has run where the code is that is being copied. */
  private readonly given: Value[] = [];
  private readonly operands = new Map<string, Value>();

  constructor(source: InterventionGraph, context: PresenceContext) {
    super(source);
    this.context = context;
  }

  run(): Present {
    const { root } = this.graph;
    for (const node of this.source.root.nodes) this.node(node, root);
    this.saves();
    [...this.graph.saves].forEach(({ name, value }, i) => {
      const needs = this.left(value);
      if (needs.size === 0) return;
      const truth = this.all(needs, root);
      this.graph.saves[i] = { name, value: this.unsized(value, truth) };
      this.saved.set(i, this.save(truth));
    });
    for (const { error, value } of this.safe) this.checks.push({ error, at: this.save(value) });
    return this;
  }

  /** Saves a truth value, and gives its position. */
  private save(value: Value): number {
    return this.graph.saves.push({ name: `ran_${this.graph.saves.length}`, value }) - 1;
  }

  override node(node: Node, region: Region): void {
    if (node.op === 'read') this.read(node, region);
    else if (node.op === 'write') this.write(node, region);
    else if (node.op === 'if') this.conditional(node, region);
    else if (node.op === 'apply') this.apply(node, region);
    else if (node.op === 'grad') {
      super.node(node, region);
      this.need(node, this.left(this.value(node.inputs[1]!)));
    } else if (node.op === 'setgrad' || node.op === 'backward' || node.op === 'forward') {
      if (this.of(node.inputs).size > 0) throw this.context.errors.refusal(node);
      super.node(node, region);
    } else this.computed(node, this.of(usesOf(node)), region);
  }

  private read(node: NodeOf<'read'>, region: Region): void {
    if (this.context.isTruth(node)) {
      this.values.set(node.outputs[0]!, this.ran(node.attributes, node, region));
      return;
    }
    super.node(node, region);
    const own = this.context.ran(node).at(-1);
    if (own) this.need(node, new Set([this.ran(own, node, region)]));
    this.checkEnd(node, region);
  }

  /** All calls of a module in a loop are not all of them if the loop goes on. */
  private checkEnd(node: NodeOf<'read'> | NodeOf<'write'>, region: Region): void {
    const more = this.context.more(node);
    if (!more) return;
    if (region !== this.graph.root) throw this.context.errors.refusal(node);
    const value = this.truth('logicalNot', [this.ran(more, node, region)], region);
    this.safe.push({ error: () => this.context.errors.beyond(node), value });
  }

  /** Writes what is there; where the value is missing, but what it is written to runs, the run is at fault. */
  private write(node: NodeOf<'write'>, region: Region): void {
    this.checkEnd(node, region);
    const value = this.value(node.inputs[0]!);
    const target = this.context.ran(node).map((address) => this.ran(address, node, region));
    const missing = new Set([...this.left(value)].filter((one) => !target.includes(one)));
    if (missing.size === 0) {
      super.node(node, region);
      return;
    }
    if (region !== this.graph.root) throw this.context.errors.refusal(node);
    const { inplace: _, lenient: __, ...address } = node.attributes;
    const isThere = this.all(missing, region);
    const [original] = this.graph.add(region, 'read', [], [value.type], address, node.site).outputs as [Value];
    const bodies = [value, original].map((one) => ({ parameters: [], nodes: [], results: [one] }));
    const [safe] = this.graph.add(region, 'if', [isThere], [value.type], {}, node.site, bodies).outputs as [Value];
    this.graph.add(region, 'write', [safe], [], node.attributes, node.site);
    const runs = target.at(-1);
    this.safe.push({
      error: () => this.context.errors.notThere(node),
      value: runs ? this.truth('logicalOr', [isThere, this.truth('logicalNot', [runs], region)], region) : isThere,
    });
  }

  /** A conditional gives what is there in the body that runs. */
  private conditional(node: NodeOf<'if'>, region: Region): void {
    const needs = this.of(node.inputs);
    if (needs.size > 0) {
      this.computed(node, needs, region);
      return;
    }
    const condition = this.value(node.inputs[0]!);
    const bodies = node.regions.map((body) => this.region(body));
    const results = bodies.map((body) => body.results.map((value) => this.left(value)));
    const doubtful = node.outputs.map((_, i) => i).filter((i) => results.some((own) => own[i]!.size > 0));
    for (const i of doubtful) {
      bodies.forEach((body, side) => {
        body.results.push(this.all(results[side]![i]!, body));
      });
    }
    const types = [...node.outputs.map(({ type }) => type), ...doubtful.map(() => TRUTH)];
    const made = this.graph.add(region, 'if', [condition], types, node.attributes, node.site, bodies);
    node.outputs.forEach((output, i) => {
      this.values.set(output, made.outputs[i]!);
    });
    doubtful.forEach((i, k) => {
      this.needs.set(made.outputs[i]!, new Set([made.outputs[node.outputs.length + k]!]));
    });
    // What enters a module of a branch is there if the branch runs.
    if ([...this.known.values()].includes(condition)) this.need(node, new Set([condition]));
  }

  /** A function of the user is called if all is there. */
  private apply(node: NodeOf<'apply'>, region: Region): void {
    const needs = this.of(node.inputs);
    if (needs.size === 0) {
      super.node(node, region);
      return;
    }
    const inputs = node.inputs.map((value) => this.value(value));
    const { guarded } = node.attributes;
    const guard = this.all(guarded ? new Set([...needs, inputs[0]!]) : needs, region);
    const tensors = guarded ? inputs.slice(1) : inputs;
    const types = node.outputs.map(({ type }) => type);
    const made = this.graph.add(region, 'apply', [guard, ...tensors], types, { guarded: true }, node.site);
    node.outputs.forEach((output, i) => {
      this.values.set(output, made.outputs[i]!);
    });
    this.need(node, needs);
  }

  /** Computes a node if all that it needs is there. */
  private computed(node: Node, needs: Needs, region: Region): void {
    if (needs.size === 0) {
      super.node(node, region);
      return;
    }
    if (isHosted(node)) throw this.context.errors.refusal(node);
    const then: Region = { parameters: [], nodes: [], results: [] };
    this.given.push(...needs);
    this.node(node, then);
    const inner = node.outputs.map((output) => this.left(this.value(output)));
    this.given.length -= needs.size;
    const isThere = this.all(needs, region);
    const truths = inner.map((own) => (own.size === 0 ? null : this.all(own, then)));
    const more = truths.filter((truth) => truth !== null);
    then.results.push(...node.outputs.map((output) => this.value(output)), ...more);
    const blanks = node.outputs.map(({ type }) => this.blank(type));
    const otherwise: Region = {
      parameters: [],
      nodes: [],
      results: [...blanks, ...more.map(() => this.constant(false))],
    };
    const types = [...node.outputs.map(({ type }) => type), ...more.map(() => TRUTH)];
    const { outputs } = this.graph.add(region, 'if', [isThere], types, {}, node.site, [then, otherwise]);
    const rest = outputs.slice(node.outputs.length).values();
    node.outputs.forEach((output, i) => {
      this.values.set(output, outputs[i]!);
      this.needs.set(outputs[i]!, truths[i] === null ? needs : new Set([rest.next().value!]));
    });
  }

  /** The same value, or one of another shape where it is not there. */
  private unsized(value: Value, isThere: Value): Value {
    const { dtype } = value.type;
    const bodies = [value, this.blank(value.type)].map((one) => ({ parameters: [], nodes: [], results: [one] }));
    const site = value.node?.site ?? null;
    return this.graph.add(this.graph.root, 'if', [isThere], [{ dtype, shape: null }], {}, site, bodies).outputs[0]!;
  }

  private need({ outputs }: Node, needs: Needs): void {
    if (needs.size > 0) for (const output of outputs) this.needs.set(this.value(output), needs);
  }

  /** What values of the old graph need that is not given where they are used. */
  private of(values: readonly Value[]): Needs {
    return new Set(values.flatMap((value) => [...(this.values.has(value) ? this.left(this.value(value)) : ALWAYS)]));
  }

  private left(value: Value): Needs {
    const needs = this.needs.get(value);
    return needs ? new Set([...needs].filter((one) => !this.given.includes(one))) : ALWAYS;
  }

  /** Whether a branch of the model runs. */
  private ran(
    address: Address,
    { attributes: { forward }, site }: NodeOf<'read'> | NodeOf<'write'>,
    region: Region,
  ): Value {
    const key = `${forward} ${address.path} ${address.index}`;
    let value = this.known.get(key);
    if (!value) {
      value = this.graph.add(region, 'read', [], [TRUTH], { ...address, forward }, site).outputs[0]!;
      this.known.set(key, value);
    }
    return value;
  }

  /** Whether all of some truth values are true. */
  private all(needs: Needs, region: Region): Value {
    const [first, ...others] = needs;
    if (!first) return this.constant(true);
    return others.reduce((truth, one) => this.truth('logicalAnd', [truth, one], region), first);
  }

  private truth(op: 'logicalAnd' | 'logicalOr' | 'logicalNot', inputs: readonly Value[], region: Region): Value {
    return this.graph.add(region, op, inputs, [TRUTH], {}, null).outputs[0]!;
  }

  private constant(is: boolean): Value {
    return this.operand(TRUTH, is ? 1 : 0);
  }

  /** What stands where nothing is: zero, or no elements. */
  private blank({ dtype, shape }: TensorType): Value {
    return this.operand({ dtype, shape: shape?.map(() => 0) ?? [0] }, 0);
  }

  private operand(type: TensorType & { readonly shape: readonly (number | null)[] | null }, element: number): Value {
    const dims = type.shape as readonly number[];
    const key = `${type.dtype} ${dims} ${element}`;
    let value = this.operands.get(key);
    if (!value) {
      const node = this.graph.add(this.graph.root, 'operand', [], [type], { dtype: type.dtype }, null);
      const data = operandData(type.dtype, dims.length === 0 ? [element] : [], 'a constant');
      this.graph.operands.set(node, { dims, data });
      value = node.outputs[0]!;
      this.operands.set(key, value);
    }
    return value;
  }
}
