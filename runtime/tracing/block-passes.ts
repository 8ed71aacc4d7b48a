import { TraceError } from '../errors.ts';
import { formatSite, siteOf } from '../graph/site.ts';
import type { Region, Site, Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import { isOfParameters } from '../tensor/of-parameters.ts';
import { type AnyParameter, Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Builder } from './builder.ts';
import { callerSite } from './caller.ts';
import type { TracedPass } from './gradients.ts';
import type { LastPass } from './last-pass.ts';
import { Storage } from './storage.ts';

/** A parameter and the gradient that is added to what it has. */
export interface ParameterGradient {
  readonly parameter: AnyParameter;
  readonly gradient: Value;
}

/** The backward passes of a block, those inside of `grad` left out. */
export class BlockPasses {
  private readonly builder: Builder;
  /** All of them; those of bodies that were recorded on trial, too. */
  private readonly all: TracedPass[] = [];
  /** The pass whose gradients are read, as far as it is known. */
  last: LastPass | null = null;
  /** The bodies of loops in which a gradient of a pass before them was read. */
  private readonly readBefore = new Map<Region, Site | null>();
  /** What the passes in bodies add up for each parameter. */
  private readonly totals = new Map<AnyParameter, Storage>();

  constructor(builder: Builder) {
    this.builder = builder;
  }

  /** Opens the pass whose gradients are read from here on. */
  open(pass: TracedPass): void {
    const { scope, isLooping, site } = this.builder;
    const read = scope.regions.find((region) => this.readBefore.has(region));
    if (isLooping && read) {
      throw new TraceError(
        `'grad' is read in this loop before the backward pass (${told(this.readBefore.get(read)!)}): from the second iteration on it would be that of the iteration before. Keep the gradient in a variable at the end of an iteration.`,
        site,
      );
    }
    this.all.push(pass);
    this.last = { pass, isSure: true, site };
  }

  /** A body begins. Gives what ends it: which of its passes the code behind it goes on with, if any, is not known. */
  enter(): () => void {
    const { last } = this;
    return () => {
      if (this.last !== last) this.last = { pass: null, isSure: false, site: this.last?.site ?? null };
    };
  }

  /** Whichever branches ran, they have opened a pass. */
  settle(): void {
    if (this.last?.pass) this.last = { ...this.last, isSure: true };
  }

  get isOpen(): boolean {
    return this.last !== null;
  }

  /** The pass whose gradients are read. */
  get current(): TracedPass {
    const { builder, last } = this;
    if (!last) {
      throw new TraceError(
        "'grad' is read or set before a backward pass. Call backward(loss) first; then every tensor that the loss depends on has its gradient.",
        callerSite() ?? builder.site,
      );
    }
    const { pass, isSure, site } = last;
    if (!pass || !isSure) {
      throw new TraceError(
        `'grad' is read or set after a branch or loop that depends on a traced value and has a backward pass in it (${told(site)}): only the run will tell whether there was one. Read the gradients there and assign them to a variable declared before, or call backward after it.`,
        callerSite() ?? builder.site,
      );
    }
    if (builder.isLooping) {
      const inside = builder.scope.regions.slice(builder.scope.regions.indexOf(pass.region) + 1);
      for (const region of inside) this.readBefore.set(region, callerSite() ?? builder.site);
    }
    return pass;
  }

  /** Adds what was set to the graph, once the block has ended. */
  close(): void {
    for (const pass of this.all) pass.close();
    if (this.all.length > 0) this.checkOutside();
  }

  /** A parameter gets no gradient through what was computed from it outside of the block. */
  private checkOutside(): void {
    const { graph, tensors } = this.builder;
    const cut = new Set(
      [...tensors].flatMap(([tensor, value]) =>
        isOfParameters(tensor) && !(tensor instanceof Parameter) ? [value] : [],
      ),
    );
    if (cut.size === 0) return;
    for (const node of withRegions(graph.root.nodes)) {
      if (node.op === 'detach' || !node.inputs.some((input) => cut.has(input))) continue;
      throw new TraceError(
        'A tensor that was computed from a Parameter outside of the block is used in one with a backward pass: no gradient goes back through it. Compute it in the block, or say that it is a constant: detach(tensor).',
        siteOf(node),
      );
    }
  }

  /** What adds up in the parameters of a block once it has run. */
  parameterGradients(): ParameterGradient[] {
    const outside = this.all.filter(({ isInBody }) => !isInBody);
    const ofPasses = outside.flatMap((pass) =>
      this.parameters().map(([parameter, value]) => ({ parameter, gradient: pass.read(value, 'absent').content })),
    );
    const inBodies = [...this.totals].map(([parameter, { content }]) => ({ parameter, gradient: content }));
    return [...ofPasses, ...inBodies];
  }

  /**
   * A body has been recorded: what its passes give for parameters, or what was set there, is added up. It is a state like any
   * other: what goes from iteration to iteration, or out of a branch.
   */
  addUp(region: Region): void {
    const { builder } = this;
    for (const pass of this.all.filter((one) => one.region === region)) {
      for (const [parameter, value] of this.parameters()) {
        const total = this.totals.get(parameter) ?? new Storage(zeros(builder, value), builder.graph.root);
        this.totals.set(parameter, total);
        const gradient = pass.read(value, 'zeros').content;
        builder.note(total);
        total.content = builder.add('add', [total.content, gradient], {}).outputs[0]!;
      }
    }
  }

  private parameters(): [AnyParameter, Value][] {
    return [...this.builder.tensors].flatMap(([tensor, value]) =>
      tensor instanceof Parameter ? [[tensor as AnyParameter, value] as [AnyParameter, Value]] : [],
    );
  }
}

function told(site: Site | null): string {
  return site ? formatSite(site) : 'here';
}

function zeros(builder: Builder, { type }: Value): Value {
  const dims = type.shape!.map((dim) => dim!);
  const elements = new Float32Array(dims.reduce((count, dim) => count * dim, 1));
  const { raw } = Tensor.from(elements, type.dtype as 'float32', dims);
  return builder.operand({ dtype: type.dtype, shape: dims }, { dims, data: raw });
}
