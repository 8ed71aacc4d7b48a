import { TraceError } from '../errors.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { Address } from '../graph/ops.ts';
import { functionBesideGradient, hoistFunctions } from '../graph/passes/hoist-functions.ts';
import type { Rewritten } from '../graph/passes/pass.ts';
import { type Present, presence } from '../graph/passes/presence.ts';
import { gradientOfDoubtful } from '../graph/passes/same-tensor.ts';
import { settleReturned } from '../graph/passes/settle-returned.ts';
import { siteOf } from '../graph/site.ts';
import type { NodeOf, Value } from '../graph/types.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Builder } from '../tracing/builder.ts';
import * as branchErrors from './branch-errors.ts';
import type { ModelMap } from './model-map.ts';
import { TypedModel } from './typed-model.ts';

/** The graph of a block that has ended, and what is known of values that may not be there when it has run. */
export class SettledGraph {
  private readonly builder: Builder;
  private readonly settled: Rewritten;
  private readonly present: Present;

  /** @param finals what the outputs of called models have become, by the values that stand for them */
  constructor(builder: Builder, finals: ReadonlyMap<Value, Value>) {
    this.builder = builder;
    const returned = settleReturned(builder.graph, { finals });
    checkFunctions(returned.graph);
    checkTensors(returned.graph);
    const present = presence(returned.graph, {
      ran: (node) => this.ranAddresses(node),
      isTruth: ({ attributes }) => this.mapOf(attributes).branches.saysWhetherRan(attributes),
      more: ({ attributes }) => this.mapOf(attributes).branches.goesOn(attributes),
      errors: branchErrors,
    });
    const hoisted = hoistFunctions(present.graph, null);
    this.present = present;
    this.settled = { graph: hoisted.graph, value: (made) => hoisted.value(present.value(returned.value(made))) };
  }

  get graph(): InterventionGraph {
    return this.settled.graph;
  }

  /** The value of the graph for one that the block made. */
  value(made: Value): Value {
    return this.settled.value(made);
  }

  /** The same for several. */
  all(made: Iterable<Value>): Value[] {
    return Array.from(made, (value) => this.value(value));
  }

  /** The same for several that have names. */
  named(made: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
    return new Map(Array.from(made, ([name, value]) => [name, this.value(value)]));
  }

  /** Whether something may not be there that is saved, or that the model needs. */
  get isUncertain(): boolean {
    return this.present.saved.size + this.present.checks.length > 0;
  }

  /**
   * The saves whose value is not there, since the branch of the model did not run in which its module is. Throws a TraceError
   * if such a value was written where the model needs it.
   */
  missing(tensors: readonly (Tensor | undefined)[]): ReadonlySet<number> {
    const { saved, checks } = this.present;
    const failed = checks.find(({ at }) => isFalse(tensors[at]));
    if (failed) throw failed.error();
    return new Set([...saved.keys()].filter((i) => isFalse(tensors[saved.get(i)!])));
  }

  private mapOf({ forward }: { readonly forward: number }): ModelMap {
    return TypedModel.of(this.builder.forwards[forward]!).map;
  }

  /** The branches of the model that a tensor is made in, or read in: the values that say whether they run. */
  private ranAddresses({ op, attributes }: NodeOf<'read'> | NodeOf<'write'>): readonly Address[] {
    const map = this.mapOf(attributes);
    const isOfModule = op === 'write' && attributes.port === 'input' && !attributes.inplace;
    return isOfModule ? map.branches.around(attributes) : map.branches.of(attributes);
  }
}

function isFalse(truth: Tensor | undefined): boolean {
  return truth !== undefined && !truth.item();
}

function checkFunctions({ root }: InterventionGraph): void {
  const found = functionBesideGradient(root.nodes);
  if (!found) return;
  throw new TraceError(
    'apply stands in a branch in which a gradient is taken. Assign what it gives to a variable declared before, and call backward after the branch.',
    siteOf(found),
  );
}

function checkTensors(graph: InterventionGraph): void {
  const found = gradientOfDoubtful(graph);
  if (!found) return;
  throw new TraceError(
    'The gradient by a tensor is asked for that may be another one, of which the loss is computed elsewhere, too: only the run will tell whether a branch or loop has made a tensor of its own. Make one of it before the branch or loop: x = x + 0.',
    siteOf(found),
  );
}
