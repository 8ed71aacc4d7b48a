import { TraceError } from '../errors.ts';
import { InterventionGraph, type OperandData } from '../graph/graph.ts';
import { OperationError } from '../graph/operation.ts';
import { operations } from '../graph/operations/index.ts';
import type { Attributes, Node, Region, Site, TensorType, Value } from '../graph/types.ts';
import { callerSite } from './caller.ts';
import { Journal, type Slot } from './journal.ts';
import type { TapAddress, TracedModel } from './model.ts';
import { keepReadSite } from './read-sites.ts';
import { Storage } from './storage.ts';

/** A body that was recorded: its steps, what it changed, and what its function returned. */
export interface Recording<T> {
  readonly region: Region;
  readonly journal: Journal;
  readonly result: T;
}

/** A module's tensor as a slot: which storage stands there now. Reading it gives the value that was written last. */
class Tap implements Slot {
  readonly name: string;
  readonly address: TapAddress;
  readonly original: Storage;
  storage: Storage;
  site: Site | null = null;

  constructor(address: TapAddress, original: Storage) {
    this.name = `${address.path || 'model'}.${address.port}`;
    this.address = address;
    this.original = original;
    this.storage = original;
  }

  get(): Storage {
    return this.storage;
  }

  set(storage: unknown): void {
    this.storage = storage as Storage;
  }
}

/** Builds the intervention graph of one block while the block's compiled code runs. */
export class Builder {
  readonly graph = new InterventionGraph();
  readonly model: TracedModel;
  /** Where in the user's source the step stands that is being built. */
  site: Site | null = null;
  /** False once the block has ended: its proxies stand for nothing any more. */
  open = true;
  private readonly regions: Region[] = [this.graph.root];
  private readonly journals: Journal[] = [];
  private readonly regionOf = new Map<Value, Region>();
  /** The model's tensors by name, as they are before any write. */
  private readonly originals = new Map<
    string,
    { storage: Storage; value: Value; address: TapAddress; site: Site | null }
  >();
  private readonly taps = new Map<string, Tap>();

  constructor(model: TracedModel) {
    this.model = model;
  }

  /** Whether the code that runs now is the body of a conditional or loop node. */
  get conditional(): boolean {
    return this.regions.length > 1;
  }

  get region(): Region {
    return this.regions.at(-1)!;
  }

  /** Adds an operation where the block stands, checked by its type inference. */
  add(op: string, inputs: readonly Value[], attributes: Attributes = {}): Node {
    const operation = operations[op];
    if (!operation) throw new TraceError(`There is no operation '${op}'.`, this.site);
    let types: readonly TensorType[];
    try {
      types = operation.infer(
        inputs.map((value) => value.type),
        attributes,
      );
    } catch (error) {
      if (error instanceof OperationError) throw new TraceError(`${op}: ${error.message}`, this.site, { cause: error });
      throw error;
    }
    return this.addTyped(op, inputs, types, attributes);
  }

  /** Adds a node whose types are known. */
  addTyped(
    op: string,
    inputs: readonly Value[],
    types: readonly TensorType[],
    attributes: Attributes,
    regions: readonly Region[] = [],
    target = this.region,
  ): Node {
    const node = this.graph.add(target, op, inputs, types, attributes, this.site, regions);
    for (const output of node.outputs) this.regionOf.set(output, target);
    return node;
  }

  /** Data of this run: an input of the compiled graph, so that other data needs no other graph. */
  operand(type: TensorType, data: OperandData): Value {
    const node = this.addTyped('operand', [], [type], { dtype: type.dtype }, [], this.graph.root);
    this.graph.operands.set(node, data);
    return node.outputs[0]!;
  }

  parameter(type: TensorType, region: Region): Value {
    const value = this.graph.parameter(type);
    region.parameters.push(value);
    this.regionOf.set(value, region);
    return value;
  }

  storage(content: Value): Storage {
    return new Storage(content, this.regionOf.get(content) ?? this.region);
  }

  /** Whether the code that runs now can use a value: it was made here or in a region around. */
  visible(value: Value): boolean {
    const region = this.regionOf.get(value);
    return region !== undefined && this.regions.includes(region);
  }

  reachable(storage: Storage): boolean {
    return this.regions.includes(storage.region);
  }

  /** Notes that a slot is about to change, in every body that is being recorded. */
  note(slot: Slot): void {
    for (const journal of this.journals) journal.note(slot);
  }

  /** Runs a body into a region of its own and puts back everything that it changed, as its other side starts afresh. */
  record<T>(body: (region: Region) => T, finish: (recording: Recording<T>) => void): Recording<T> {
    const region: Region = { parameters: [], nodes: [], results: [] };
    const journal = new Journal();
    this.regions.push(region);
    this.journals.push(journal);
    try {
      const recording = { region, journal, result: body(region) };
      finish(recording);
      return recording;
    } finally {
      this.regions.pop();
      this.journals.pop();
      journal.undo();
    }
  }

  /** Goes on building inside a region that was recorded before. */
  within<T>(region: Region, build: () => T): T {
    this.regions.push(region);
    try {
      return build();
    } finally {
      this.regions.pop();
    }
  }

  private original(address: TapAddress): Storage {
    const { tensor, type } = this.resolve(address);
    const known = this.originals.get(tensor);
    if (known) return known.storage;
    const node = this.addTyped('read', [], [type], { ...address }, [], this.graph.root);
    keepReadSite(node);
    const value = node.outputs[0]!;
    const storage = new Storage(value, this.graph.root);
    this.originals.set(tensor, { storage, value, address, site: this.site });
    return storage;
  }

  private resolve(address: TapAddress): { tensor: string; type: TensorType } {
    try {
      return this.model.resolve(address);
    } catch (error) {
      if (error instanceof OperationError)
        throw new TraceError(error.message, callerSite() ?? this.site, { cause: error });
      throw error;
    }
  }

  /**
   * The slot of an address. Addresses of one tensor share it, except that a module's input is the module's own: setting
   * it changes what the module and its children see and nobody else.
   */
  private tap(address: TapAddress): Tap {
    const { tensor } = this.resolve(address);
    const key = address.port === 'input' ? `${address.path}<${tensor}` : tensor;
    let tap = this.taps.get(key);
    if (!tap) {
      tap = new Tap(address, this.original(address));
      this.taps.set(key, tap);
    }
    return tap;
  }

  /** The storage that stands at an address now. */
  read(address: TapAddress): Storage {
    const tap = this.tap(address);
    if (address.port !== 'input' || tap.storage !== tap.original) return tap.storage;
    const { tensor } = this.resolve(address);
    for (let path = address.path; path !== ''; ) {
      path = path.slice(0, Math.max(0, path.lastIndexOf('.')));
      const outer = this.taps.get(`${path}<${tensor}`);
      if (outer && outer.storage !== outer.original) return outer.storage;
    }
    return this.taps.get(tensor)?.storage ?? tap.storage;
  }

  /** Puts another storage at an address, for everything downstream. */
  bind(address: TapAddress, storage: Storage): void {
    const tap = this.tap(address);
    this.note(tap);
    tap.storage = storage;
    tap.site = this.site;
  }

  /** Ends the block: what stands at the model's tensors is written into the model. */
  close(): void {
    for (const { storage, value, address, site } of this.originals.values()) {
      if (storage.content !== value) this.write(storage.content, { ...address, inplace: true }, site);
    }
    for (const tap of this.taps.values()) {
      if (tap.storage !== tap.original) this.write(tap.storage.content, { ...tap.address, inplace: false }, tap.site);
    }
    this.open = false;
  }

  private write(value: Value, attributes: Attributes, site: Site | null): void {
    this.graph.add(this.graph.root, 'write', [value], [], attributes, site);
  }
}

let current: Builder | null = null;

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
