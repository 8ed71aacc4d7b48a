import type { NodeOf, Value } from '../graph/types.ts';
import type { Links } from '../onnx/links.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Locate } from './address.ts';
import { type Override, Overrides } from './overrides.ts';

/** The model that a forward runs, and where its modules' tensors are. */
export interface ForwardModel {
  readonly model: OnnxModel;
  readonly locate: Locate;
  /** Tensors that are handed in, and so need not be computed. */
  readonly provided?: ReadonlySet<string>;
}

/** The nodes of a module that a call of it copies, and the tensors that these read from elsewhere. */
export interface CalledModule {
  readonly nodes: readonly number[];
  readonly outside: readonly string[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** One run of a model with the writes into it: which node makes a tensor, and which nodes get another value for it. */
export class Forward {
  readonly model: OnnxModel;
  readonly locate: Locate;
  readonly overrides: Overrides;
  /** The values that another model's forward gave to this model's inputs, by their names. */
  readonly feeds: ReadonlyMap<string, Value>;
  private readonly links: Links;
  private readonly provided: ReadonlySet<string>;
  /** The nodes that read something else than what nodes of the model make. */
  private readonly affected: ReadonlySet<number>;

  /** @param nodes the writes into this forward, and the node that opens it if it is called in the middle of another */
  constructor(
    { model, locate, provided = new Set() }: ForwardModel,
    nodes: readonly (NodeOf<'write'> | NodeOf<'forward'>)[],
  ) {
    this.model = model;
    this.locate = locate;
    this.provided = provided;
    this.links = model.links;
    this.overrides = new Overrides(
      nodes.filter((node) => node.op === 'write'),
      locate,
    );
    const forward = nodes.find((node) => node.op === 'forward');
    const names = forward?.attributes.inputs ?? [];
    this.feeds = new Map(names.map((name, i) => [name, forward!.inputs[i]!]));
    const instead = [...this.overrides.all.map(({ tensor }) => tensor), ...this.feeds.keys(), ...provided];
    this.affected = new Set(instead.flatMap((tensor) => this.links.readers.get(tensor) ?? []));
  }

  /** Whether a node reads a tensor that is set, fed or handed in. Any other needs what `links.makers` says. */
  isAffected(index: number): boolean {
    return this.affected.has(index);
  }

  /** The index of the node that makes a tensor; undefined for inputs, initializers and what is handed in. */
  producer(tensor: string): number | undefined {
    return this.provided.has(tensor) ? undefined : this.links.maker.get(tensor);
  }

  tensorOf(node: NodeOf<'read'>): string {
    return this.locate(node.attributes).tensor;
  }

  /** What a node of the model reads: for each tensor the value written for it, or the tensor. */
  reads(index: number): (Override | string)[] {
    return this.links.reads[index]!.map((tensor) => this.overrides.of(tensor, index) ?? tensor);
  }

  /** The nodes of a module's call that lie between its inputs and outputs, and what they read from elsewhere. */
  calledModule(node: NodeOf<'call'>): CalledModule {
    const { nodes, inputs, outputs } = this.locate(node.attributes);
    const replaced = new Set(inputs.slice(0, node.inputs.length));
    const own = new Set(nodes);
    const taken = new Set<number>();
    const outside = new Set<string>();
    // A module of a branch that is called runs whether or not the branch does.
    const { maker, reads } = this.model.plain.links;
    const pending = [...outputs];
    while (pending.length > 0) {
      const tensor = pending.pop()!;
      if (replaced.has(tensor)) continue;
      const producer = maker.get(tensor);
      if (producer === undefined || !own.has(producer)) {
        outside.add(tensor);
      } else if (!taken.has(producer)) {
        taken.add(producer);
        pending.push(...reads[producer]!);
      }
    }
    return { nodes: [...taken].sort((a, b) => a - b), outside: [...outside], inputs, outputs };
  }
}
