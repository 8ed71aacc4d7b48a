import { onTraceError, TraceError } from '../errors.ts';
import { DEEPEST } from '../graph/deepest.ts';
import { InterventionGraph, type OperandData } from '../graph/graph.ts';
import { OperationError } from '../graph/operation.ts';
import { outputTypes } from '../graph/operations/index.ts';
import type { AttributesOf, Op, TensorOp } from '../graph/ops.ts';
import type { LazySite } from '../graph/site.ts';
import type { NodeOf, Region, Site, TensorType, Value } from '../graph/types.ts';
import { AssignedTensors } from './assigned.ts';
import { BlockPasses } from './block-passes.ts';
import { BlockSaves } from './block-saves.ts';
import { callerSite } from './caller.ts';
import { Demands } from './demands.ts';
import { MOST_BODIES, NESTED_CALLS, type OpenCall, tooDeep, tooMany } from './depth.ts';
import type { Fact } from './facts.ts';
import { firstRowHint } from './first-row.ts';
import { TracedForward } from './forward.ts';
import { type Births, type Change, Journal, type Noted, type Slot } from './journal.ts';
import { LineCount } from './line-count.ts';
import type { LogLine } from './logs.ts';
import { MadeObjects } from './made-objects.ts';
import type { TracedModel } from './model.ts';
import { ObjectSlots } from './object-slots.ts';
import type { Rows } from './rows.ts';
import { Scope } from './scope.ts';
import { Storage } from './storage.ts';
import { thrownInBody } from './thrown-in-body.ts';
import type { Varying } from './varying.ts';

/** A body that was recorded: its nodes, what it changed, and what its function returned. */
export interface Recording<T> {
  readonly region: Region;
  readonly journal: Journal;
  readonly result: T;
}

/** Builds the intervention graph of one block while the block's compiled code runs. */
export class Builder {
  readonly graph = new InterventionGraph();
  /** The trace that the block belongs to. */
  readonly owner: object | null;
  /** The site of the node that is being built. */
  site: Site | null = null;
  /** What of JavaScript's own is being called: 'slice()', 'new Date()'. */
  native: string | null = null;
  /** The site of the member that compiled code reads just now; null where it reads none. */
  reading: Site | null = null;
  /** False once the block has ended: its proxies stand for nothing any more. */
  open = true;
  /** The forward whose modules the code that runs now reads and sets; null between the traces of a session. */
  forward: TracedForward | null = null;
  /** Every forward of the graph, by id. */
  readonly forwards: TracedForward[] = [];
  readonly scope = new Scope(this);
  readonly passes = new BlockPasses(this);
  /** The tensors of the user that are used in the block, with the operands that stand for them. */
  readonly tensors = new Map<object, Value>();
  /** The rows of the batch that belong to the invoke that runs now; null for all. */
  rows: Rows | null = null;
  /** In a generation: whether it gets to the step that the code which runs now is about; null where it always does. */
  reached: Value | null = null;
  private readonly journals: Journal[] = [];
  /** The loop that may have ended on a traced condition and takes the next value of an iterator all the same. */
  perhapsOver: Site | null = null;
  /** False once the code has asked something that may be other the next time, and that its guards do not tell. */
  isRepeatable = true;
  /** The arrays and objects of the program of which its guards tell all. */
  guarded: ReadonlySet<object> = new Set();
  /** What the block has asked objects of the language for, which a program may set. */
  readonly asked: { readonly of: object; readonly key: PropertyKey; readonly value: unknown }[] = [];
  /** Counts the bodies that were recorded: the time of births. */
  private time = 0;
  /** Objects that were made in the trace, each with the time. */
  private readonly births: Births = new WeakMap();
  /** The first error of the block: even if it is caught, the block cannot mean what it says. */
  failure: TraceError | null = null;
  /** When each body of a loop node around began, the innermost last: it stands for many iterations. */
  private readonly loops: number[] = [];
  private readonly loopBodies = new WeakSet<Region>();
  /** The values of which only the run will tell which of several they are. */
  readonly varyings: Varying[] = [];
  /** What code after the trace sees and the block sets, each with what it held before. */
  readonly outside = new Map<Slot, Noted>();
  /** Whether there is an array that a branch or loop of the graph filled. */
  hasFilled = false;
  /** The compiled functions that the bodies around have called, the innermost last. */
  readonly calls: OpenCall[] = [];
  /** How many bodies were recorded in many such calls, one in another. */
  private nestedBodies = 0;
  readonly saves = new BlockSaves();
  readonly assigned = new AssignedTensors();
  /** The lines that are printed when the model has run. */
  readonly lines: LogLine[] = [];
  readonly lineCount = new LineCount();
  /** The slots of the user's objects. */
  readonly slots = new ObjectSlots();
  readonly objects = new MadeObjects();
  /** Operands that the block has only once, by their dtype, dims and value. */
  readonly shared = new Map<string, Value>();
  readonly demands = new Demands();

  constructor(owner: object | null = null) {
    this.owner = owner;
  }

  /** Whether the code that runs now is the body of a conditional or loop node. */
  get conditional(): boolean {
    return this.scope.regions.length > 1;
  }

  /** The same inside its forward: a whole trace may stand in a body, too. */
  get isBranching(): boolean {
    return this.region !== (this.forward?.region ?? this.graph.root);
  }

  get region(): Region {
    return this.scope.innermost;
  }

  /** Whether a call now stands for one in each iteration. */
  get isLooping(): boolean {
    return this.loops.length > 0;
  }

  /** Whether the code that runs now is, inside its forward, in the body of a loop node. */
  get isIterating(): boolean {
    return this.isLoopingSince(this.forward?.region ?? this.graph.root);
  }

  /** Whether the body of a loop node stands between a region around and the code that runs now. */
  isLoopingSince(region: Region): boolean {
    const around = this.scope.regions.indexOf(region);
    return this.scope.regions.slice(around + 1).some((one) => this.loopBodies.has(one));
  }

  /** Whether changes now belong to a body, and may have to be undone. */
  get isRecording(): boolean {
    return this.journals.length > 0;
  }

  /** Adds an operation where the block stands, checked by its type inference. */
  add<O extends TensorOp>(op: O, inputs: readonly Value[], attributes: AttributesOf<O>): NodeOf<O> {
    let types: readonly TensorType[];
    try {
      types = outputTypes(
        op,
        inputs.map((value) => value.type),
        attributes,
      );
    } catch (error) {
      if (error instanceof OperationError)
        throw new TraceError(`${op}: ${error.message}${firstRowHint(inputs)}`, this.site);
      throw error;
    }
    return this.addTyped(op, inputs, types, attributes);
  }

  /** Adds a node whose types are known. */
  addTyped<O extends Op>(
    op: O,
    inputs: readonly Value[],
    types: readonly TensorType[],
    attributes: AttributesOf<O>,
    regions: readonly Region[] = [],
    target = this.region,
    site: Site | LazySite | null = this.site,
  ): NodeOf<O> {
    const node = this.graph.add(target, op, inputs, types, attributes, site, regions);
    for (const output of node.outputs) this.scope.made(output, target);
    return node;
  }

  /** Data of this run: an input of the compiled graph, so that other data can use the same graph. */
  operand(type: TensorType, data: OperandData): Value {
    const node = this.addTyped('operand', [], [type], { dtype: type.dtype }, [], this.graph.root);
    this.graph.operands.set(node, data);
    return node.outputs[0]!;
  }

  parameter(type: TensorType, region: Region): Value {
    const value = this.graph.parameter(type);
    region.parameters.push(value);
    this.scope.made(value, region);
    return value;
  }

  storage(content: Value): Storage {
    const storage = new Storage(content, this.scope.regionOf(content) ?? this.region);
    this.made(storage);
    return storage;
  }

  /** Notes that a slot is about to change, in every body that is being recorded. */
  note(slot: Slot): void {
    this.noteOutside(slot);
    for (const journal of this.journals) journal.note(slot, this.site);
  }

  /** Notes the same where no body is recorded: for the code after the trace alone. */
  noteOutside(slot: Slot): void {
    const isSeen = slot.isOutside || (slot.owner && !slot.fixed && !this.isMade(slot.owner));
    if (isSeen && !this.outside.has(slot)) this.outside.set(slot, { value: slot.get(), site: this.site });
  }

  /** Notes that an object was made just now: its changes in this body concern no other body, and outside nobody has it. */
  made(object: object): void {
    this.births.set(object, this.time);
  }

  /** Whether an object is known to be made in this trace. */
  isMade(object: object): boolean {
    return this.births.has(object);
  }

  /** Whether an object was made in the innermost body that is being recorded. */
  isOwn(object: object): boolean {
    return this.journals.at(-1)?.made(object) ?? true;
  }

  /**
   * Runs a body into a region of its own and undoes everything that it changed, since the other side starts from the same state.
   * @param holds a fact that holds in it
   */
  record<T>(
    body: (region: Region) => T,
    finish: (recording: Recording<T>) => void,
    holds: Fact | null = null,
  ): Recording<T> {
    if (this.journals.length >= DEEPEST) throw tooDeep(this.calls, this.site);
    if (this.calls.length >= NESTED_CALLS && ++this.nestedBodies > MOST_BODIES) throw tooMany(this.calls, this.site);
    const region: Region = { parameters: [], nodes: [], results: [] };
    const journal = new Journal(++this.time, this.births);
    const leavePasses = this.passes.enter();
    if (holds) this.scope.learn(holds, region);
    this.scope.enter(region);
    this.journals.push(journal);
    try {
      const recording = { region, journal, result: body(region) };
      this.passes.addUp(region);
      finish(recording);
      return recording;
    } catch (error) {
      throw thrownInBody(error, this.site);
    } finally {
      this.scope.leave();
      this.journals.pop();
      leavePasses();
      journal.undo();
    }
  }

  /** The same for the body of a loop node. */
  recordLoop(body: (region: Region) => void, finish: (recording: Recording<void>) => void): void {
    this.loops.push(this.time + 1);
    const inLoop = (region: Region) => {
      this.loopBodies.add(region);
      body(region);
    };
    this.record(inLoop, finish);
    this.loops.pop();
  }

  /** Whether an object was made in the innermost body of a loop node: each iteration has one of its own. */
  isOfLoop(object: object): boolean {
    return (this.births.get(object) ?? 0) >= (this.loops.at(-1) ?? Number.POSITIVE_INFINITY);
  }

  /** Runs code that goes on with what it changed, and tells what that is. `slots` change without a note. */
  watch(code: () => void, slots: readonly Slot[]): Change[] {
    const journal = new Journal(++this.time, this.births);
    this.journals.push(journal);
    try {
      for (const slot of slots) this.note(slot);
      code();
      return journal.changes();
    } catch (error) {
      throw thrownInBody(error, this.site);
    } finally {
      this.journals.pop();
    }
  }

  /** Goes on building inside a region that was recorded before. */
  within<T>(region: Region, build: () => T): T {
    this.scope.enter(region);
    try {
      return build();
    } finally {
      this.scope.leave();
    }
  }

  /** Opens a forward, whose reads stand in a region: the one that is open now, unless another is given. */
  addForward(model: TracedModel, region = this.region): TracedForward {
    const forward = new TracedForward(this.forwards.length, model, region, this, this.rows);
    this.forwards.push(forward);
    return forward;
  }

  /** Ends a forward: the new values of the model's tensors are written into the model. */
  closeForward(forward: TracedForward): void {
    for (const { value, attributes, site } of forward.writes()) {
      this.graph.add(forward.region, 'write', [value], [], attributes, site);
    }
  }

  /** Allows the writes of a region, from a position on, to have no effect. The graph is still in the making: nodes are replaced, not changed. */
  makeLenient({ nodes }: Region, from: number): void {
    for (let i = from; i < nodes.length; i++) {
      const node = nodes[i]!;
      if (node.op === 'write') nodes[i] = { ...node, attributes: { ...node.attributes, lenient: true } };
    }
  }

  /** Runs code that reads and sets the modules of a forward. */
  inForward<T>(forward: TracedForward, block: () => T): T {
    const outer = this.forward;
    this.forward = forward;
    try {
      return block();
    } finally {
      this.forward = outer;
    }
  }
}

let current: Builder | null = null;

onTraceError((error) => {
  if (current) current.failure ??= error;
});

/** The builder of the block that runs now. Blocks run synchronously, one at a time. */
export function builder(): Builder {
  if (!current) throw new TraceError('This works on values of a trace: call it inside a trace block.', callerSite());
  return current;
}

export function activeBuilder(): Builder | null {
  return current;
}

/** Runs a block with a builder. */
export function withBuilder<T>(next: Builder, block: () => T): T {
  const outer = current;
  current = next;
  try {
    return block();
  } finally {
    current = outer;
  }
}
