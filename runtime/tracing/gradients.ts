import { TraceError } from '../errors.ts';
import type { AttributesOf } from '../graph/ops.ts';
import { isFloat } from '../graph/promotion.ts';
import { siteOf } from '../graph/site.ts';
import type { Region, Site, Value } from '../graph/types.ts';
import type { ParameterInBlock, Viewed } from '../tensor/parameter.ts';
import { apply, toProxy } from './apply.ts';
import { activeBuilder, type Builder, builder } from './builder.ts';
import { callerSite, laterSite } from './caller.ts';
import { fitted } from './fitted.ts';
import { inner } from './hidden.ts';
import type { Slot } from './journal.ts';
import { lackOf } from './lacking.ts';
import { owning, TensorProxy, viewing } from './proxy.ts';
import { Storage } from './storage.ts';
import type { TracedTensor } from './traced-tensor.ts';

/** What becomes of a gradient by what the loss does not depend on. */
type Unused = AttributesOf<'grad'>['unused'];

/** What stands as the gradient by a value in a backward pass: what the pass gives, or what was set. */
class GradientSlot implements Slot {
  readonly name = 'a gradient';
  readonly of: Value;
  /** What the pass gives. */
  readonly given: Value;
  readonly owner: TracedPass;
  storage: Storage;
  site: Site | null = null;

  constructor(of: Value, given: Value, pass: TracedPass) {
    this.of = of;
    this.given = given;
    this.owner = pass;
    this.storage = new GradientStorage(given, pass);
  }

  get(): Storage {
    return this.storage;
  }

  set(storage: unknown): void {
    this.storage = storage as Storage;
  }
}

/** The memory of what a pass gives. */
class GradientStorage extends Storage {
  readonly owner: TracedPass;

  constructor(given: Value, pass: TracedPass) {
    super(given, pass.region);
    this.owner = pass;
  }

  override get content(): Value {
    return super.content;
  }

  override set content(content: Value) {
    this.owner.checkStep();
    super.content = content;
  }
}

/** The loss of the one of several passes that was opened: it is added to the graph where a gradient is read. */
export interface EitherLoss {
  readonly value: () => Value;
}

/** One backward pass of a block: the gradients that are read and set after it. */
export class TracedPass {
  readonly loss: Value | EitherLoss;
  /** Where it was opened. */
  readonly region: Region;
  readonly site: Site | null;
  /** Whether that is a branch or loop, of a forward or around several. */
  readonly isInBody: boolean;
  /** In a generation: whether it gets to the step in which it was opened; null where it always does. */
  readonly reached: Value | null;
  /** Whether that is a branch or loop that a model runs itself. */
  private readonly isInModel: boolean;
  private readonly builder: Builder;
  private readonly gradient: Value | null;
  private readonly slots = new Map<Value, GradientSlot>();
  private opened: Value | null = null;
  /** Whether it is one of those that a pass behind branches may be. */
  private isMerged = false;

  constructor(target: Builder, loss: Value | EitherLoss, gradient: Value | null) {
    this.builder = target;
    this.loss = loss;
    this.gradient = gradient;
    this.region = target.region;
    this.site = target.site;
    this.reached = target.reached;
    this.isInBody = target.conditional;
    const isEither = 'value' in loss;
    // What is set of a pass in a body concerns no other body.
    target.made(this);
    this.isInModel = target.isBranching || isEither;
    if (!isEither) this.opened = this.open();
  }

  /** What stands for the pass in the graph. */
  get handle(): Value {
    this.opened ??= this.open();
    return this.opened;
  }

  private open(): Value {
    const { builder, gradient, region, site } = this;
    const inputs = gradient ? [this.value, gradient] : [this.value];
    return builder.addTyped('backward', inputs, [{ dtype: 'bool', shape: [] }], {}, [], region, site).outputs[0]!;
  }

  private get value(): Value {
    return 'value' in this.loss ? this.loss.value() : this.loss;
  }

  /**
   * The loss as one element: by it, everything has the gradient that it has in this pass.
   * @param region where the element is made
   */
  element(region: Region): Value {
    this.isMerged = true;
    const { builder, gradient } = this;
    return builder.within(region, () => {
      const loss = this.value;
      const seed = gradient && builder.add('detach', [gradient], {}).outputs[0]!;
      const weighted = seed ? builder.add('mul', [loss, seed], {}).outputs[0]! : loss;
      return builder.add('sum', [weighted], { dims: null, keepdim: false }).outputs[0]!;
    });
  }

  /** Whether one of its gradients was set. */
  get isSet(): boolean {
    return [...this.slots.values()].some(({ given, storage }) => storage.content !== given);
  }

  /** The gradient by a value: what was set for it, or what the pass gives. */
  read(of: Value, unused: Unused): Storage {
    return this.slot(of, unused).storage;
  }

  /** Puts another gradient in the place of that by a value: it flows further back. */
  bind(of: Value, storage: Storage): void {
    if (this.isInModel) throw setInBody(this.builder.site);
    this.checkStep();
    const slot = this.slot(of);
    this.builder.note(slot);
    slot.storage = storage;
    slot.site = this.builder.site;
  }

  /** A later step that may not run cannot change what a pass before it gives. */
  checkStep(): void {
    const { reached, site } = this.builder;
    if (!reached || reached === this.reached) return;
    throw new TraceError(
      'A gradient is set in a step of a generation that may not run, of a backward pass that was opened before that step. Set it in the step that calls backward, or generate with { stopTokens: [] }, so that every step runs.',
      callerSite() ?? site,
    );
  }

  /** A node that gives the gradient by a value, as the pass alone makes it. */
  node(of: Value, unused: Unused): Value {
    const lack = lackOf(of);
    if (lack !== null) throw new TraceError(lack, callerSite() ?? this.builder.site);
    const site = laterSite()() ?? this.builder.site;
    const inputs = [this.handle, of];
    return this.builder.addTyped('grad', inputs, [of.type], { unused }, [], this.region, site).outputs[0]!;
  }

  private slot(of: Value, unused: Unused = 'error'): GradientSlot {
    const known = this.slots.get(of);
    if (known) return known;
    if (!isFloat(of.type.dtype)) {
      throw new TraceError(
        `The gradient by a tensor of ${of.type.dtype} is asked for: only floating-point tensors have gradients.`,
        callerSite() ?? this.builder.site,
      );
    }
    if (!this.builder.scope.visibleIn(of, this.region)) {
      throw new TraceError(
        'The gradient by a value that was made in a branch or loop after the backward pass is asked for: the loss does not depend on it. Take the gradient by something that the loss is computed from.',
        callerSite() ?? this.builder.site,
      );
    }
    const slot = new GradientSlot(of, this.node(of, unused), this);
    if (this.isInModel) slot.storage.unchangeable = SET_IN_BODY;
    this.slots.set(of, slot);
    return slot;
  }

  /** Adds what was set to the graph, once the block has ended. */
  close(): void {
    for (const { of, given, storage, site } of this.slots.values()) {
      const { content } = storage;
      if (content === given) continue;
      if (this.isMerged) throw setInBody(site ?? (content.node ? siteOf(content.node) : null));
      const inputs = [this.handle, of, content];
      this.builder.addTyped('setgrad', inputs, [], {}, [], this.region, site ?? content.node?.site ?? null);
    }
  }
}

const SET_IN_BODY =
  'A gradient is set of a backward pass that stands in a branch or loop which depends on a traced value. Call backward outside of it, or go back in two steps: const [g] = grad(loss, [y]), then grad(y, [x], { gradient: … }). To change a copy, make one: clone(x.grad).';

function setInBody(site: Site | null): TraceError {
  return new TraceError(SET_IN_BODY, site);
}

/** `x.grad`, of the last pass unless another one is told. */
export function readGradient(x: TensorProxy, unused: Unused = 'error', told?: TracedPass): TensorProxy {
  const target = builder();
  const pass = told ?? target.passes.current;
  const { rowsOf, viewOf } = x[inner];
  const form = formInFile(x[inner]);
  const of = form?.inFile ?? rowsOf ?? x[inner];
  const whole = owning(target, pass.read(of.value(), unused));
  if (form) return fromFile(form, whole);
  return rowsOf ? viewing(target, { ...viewOf!, parent: whole[inner] }) : whole;
}

/** `x.grad = value` */
export function writeGradient(x: TensorProxy, value: unknown): void {
  const target = builder();
  const current = readGradient(x);
  const fit = fitted(target, 'grad', value, current);
  const form = formInFile(x[inner]);
  if (form) target.passes.current.bind(form.inFile.value(), target.storage(fromFile(form, fit)[inner].value()));
  else if (x[inner].rowsOf) current[inner].assign(fit[inner].value());
  else target.passes.current.bind(x[inner].value(), target.storage(fit[inner].value()));
}

/** What the file has of a weight in another form than PyTorch's: the model works with that one. */
export function formInFile(x: TracedTensor): TracedTensor['fileForm'] {
  return x.fileForm?.value === x.value() ? x.fileForm : null;
}

/** A gradient by what the file has, as one by PyTorch's weight, and back: a number that was added changes none. */
export function fromFile({ isTurned }: { readonly isTurned: boolean }, gradient: TensorProxy): TensorProxy {
  return isTurned ? apply('permute', [gradient], { dims: [1, 0] }) : gradient;
}

/** A parameter in the block that is recorded now, and the gradient by it, if the block has a backward pass. */
export const parameterInBlock: ParameterInBlock = {
  read: (parameter) => (hasPass() ? readGradient(toProxy(parameter)) : undefined),
  write(parameter, gradient) {
    if (hasPass()) writeGradient(toProxy(parameter), gradient);
    else if (activeBuilder()?.conditional || gradient instanceof TensorProxy)
      throw atOnce('Setting the gradient of a Parameter before a backward pass');
    return hasPass();
  },
  traced: (parameter) => (activeBuilder() ? (toProxy(parameter) as unknown as Viewed) : null),
  checkOutside(what) {
    if (activeBuilder()) throw atOnce(what);
  },
};

function atOnce(what: string): TraceError {
  return new TraceError(
    `${what} changes numbers in memory at once, and in a block nothing has run yet: do it before the trace, or behind it.`,
    callerSite() ?? builder().site,
  );
}

function hasPass(): boolean {
  return activeBuilder()?.passes.isOpen ?? false;
}
