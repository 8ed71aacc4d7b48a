import { TraceError } from '../errors.ts';
import { OperationError } from '../graph/operation.ts';
import type { Address, AttributesOf } from '../graph/ops.ts';
import { LazySite } from '../graph/site.ts';
import type { NodeOf, Region, Site, TensorType, Value } from '../graph/types.ts';
import { callerSite, laterSite } from './caller.ts';
import type { Slot } from './journal.ts';
import type { Resolved, TracedModel } from './model.ts';
import type { Rows } from './rows.ts';
import { Storage } from './storage.ts';

/** The members of the builder that a forward needs. */
export interface ForwardBuilder {
  readonly site: Site | null;
  readonly reading: Site | null;
  note(slot: Slot): void;
  addTyped(
    op: 'read',
    inputs: readonly Value[],
    types: readonly TensorType[],
    attributes: AttributesOf<'read'>,
    regions: readonly Region[],
    target: Region,
    site: Site | LazySite,
  ): NodeOf<'read'>;
}

/** A module's tensor as a slot: its current storage. Reading it gives the value that was written last. */
class Tap implements Slot {
  readonly isOfForward = true;
  readonly name: string;
  readonly address: Address;
  /** That of the forward: a whole trace may stand in a body. */
  readonly region: Region;
  readonly original: Storage;
  storage: Storage;
  site: Site | null = null;

  constructor(address: Address, region: Region, original: Storage) {
    this.name = `${address.path || 'model'}.${address.port}`;
    this.address = address;
    this.region = region;
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

interface Original {
  readonly storage: Storage;
  readonly value: Value;
  readonly address: Address;
  readonly site: Site | null;
}

/** What a model gives to the code that calls it: its output after all that is written to it, and the tensor that holds it. */
interface Returned {
  readonly value: Value;
  readonly storage: Storage;
  /** Where it is read. */
  readonly address: Address;
  readonly tensor: string;
}

/** One forward of a model in the making: the current values of the model's tensors. */
export class TracedForward {
  readonly id: number;
  readonly model: TracedModel;
  /** Where its reads and writes stand. */
  readonly region: Region;
  /** The rows of the invoke that it runs on alone: another model that was called in its block; null for all. */
  readonly rows: Rows | null;
  /** Values that edits have written and nothing has changed since: their writes may have no effect. */
  readonly lenient = new Set<Value>();
  private readonly builder: ForwardBuilder;
  /** The model's tensors by name, as they are before any write. */
  private readonly originals = new Map<string, Original>();
  private readonly taps = new Map<string, Tap>();
  /** What the call of another model gives. */
  private returned: Returned | null = null;

  constructor(id: number, model: TracedModel, region: Region, builder: ForwardBuilder, rows: Rows | null = null) {
    this.rows = rows;
    this.id = id;
    this.model = model;
    this.region = region;
    this.builder = builder;
  }

  resolve(address: Address): Resolved {
    try {
      return this.model.resolve(address);
    } catch (error) {
      if (error instanceof OperationError) throw new TraceError(error.message, callerSite() ?? this.builder.site);
      throw error;
    }
  }

  private original(address: Address): Storage {
    const { tensor, type } = this.resolve(address);
    const place = placeOf(address, tensor);
    const known = this.originals.get(place);
    if (known) return known.storage;
    const attributes = this.attributes(address);
    const site = this.builder.reading ?? this.readerSite();
    const node = this.builder.addTyped('read', [], [type], attributes, [], this.region, site);
    const value = node.outputs[0]!;
    const storage = new Storage(value, this.region, true);
    this.originals.set(place, { storage, value, address, site: this.builder.site });
    return storage;
  }

  /** Where code reads that was not compiled: the builder's site would be that of an earlier statement. */
  private readerSite(): LazySite {
    const reader = laterSite();
    const { site } = this.builder;
    return new LazySite(() => reader() ?? site);
  }

  /**
   * The slot of an address. Addresses of one tensor share it, except that a module's input is the module's own: setting
   * it changes what the module and its children see, and nothing else.
   */
  private tap(address: Address): Tap {
    const { tensor } = this.resolve(address);
    const key = address.port === 'input' ? `${address.path}<${tensor}` : placeOf(address, tensor);
    let tap = this.taps.get(key);
    if (!tap) {
      tap = new Tap(address, this.region, this.original(address));
      this.taps.set(key, tap);
    }
    return tap;
  }

  /** The current storage at an address. */
  read(address: Address): Storage {
    const tap = this.tap(address);
    const { returned } = this;
    // What the call gave is the tensor at the model's output: changed in place there, it is changed here.
    const isShared = returned && tap.storage === tap.original && returned.storage.content !== returned.value;
    if (isShared && this.resolve(address).tensor === returned.tensor) return returned.storage;
    if (address.port !== 'input' || tap.storage !== tap.original) return tap.storage;
    const { tensor } = this.resolve(address);
    for (let path = address.path; path !== ''; ) {
      path = path.slice(0, Math.max(0, path.lastIndexOf('.')));
      const outer = this.taps.get(`${path}<${tensor}`);
      if (outer && outer.storage !== outer.original) return outer.storage;
    }
    return this.taps.get(tensor)?.storage ?? tap.storage;
  }

  /**
   * The tensor that a call of this model gives, which follows whatever is written to the output later on.
   * @param value stands for the output until the forward is closed
   */
  return(address: Address, value: Value): Storage {
    const storage = new Storage(value, this.region);
    this.returned = { value, storage, address, tensor: this.resolve(address).tensor };
    return storage;
  }

  /** What stands for the output that a call gave, and what the output has become; null if nothing was written to it. */
  settled(): { readonly value: Value; readonly final: Value } | null {
    if (!this.returned) return null;
    const { value, address } = this.returned;
    const final = this.tap(address).storage.content;
    return { value, final };
  }

  /** Puts another storage at an address, for everything downstream. */
  bind(address: Address, storage: Storage): void {
    const tap = this.tap(address);
    this.builder.note(tap);
    tap.storage = storage;
    tap.site = this.builder.site;
  }

  /** All writes so far may have no effect. */
  endEdits(): void {
    for (const { value } of this.writes()) this.lenient.add(value);
  }

  /** The writes that the model needs, in order. */
  *writes(): Generator<{ value: Value; attributes: AttributesOf<'write'>; site: Site | LazySite | null }> {
    for (const { storage, value, address, site } of this.originals.values()) {
      if (storage.content !== value) {
        const { content } = storage;
        const attributes = this.writeAttributes(address, content, true);
        // Where it was read is known only if something else stands before; what changed it has a site of its own.
        yield { value: content, attributes, site: content.node?.site ?? site };
      }
    }
    for (const { storage, original, address, site } of this.taps.values()) {
      if (storage !== original) {
        yield { value: storage.content, attributes: this.writeAttributes(address, storage.content, false), site };
      }
    }
  }

  private writeAttributes(address: Address, value: Value, inplace: boolean): AttributesOf<'write'> {
    return Object.assign(this.attributes(address), { inplace, lenient: this.lenient.has(value) });
  }

  /** Written out: to spread an address takes longer than all else of a read. */
  private attributes({ path, port, index, call }: Address): AttributesOf<'read'> {
    return { path, port, index, call, forward: this.id };
  }
}

/** Parameters of one tensor, which exporters merge where they are equal, have gradients of their own. */
function placeOf({ path, port }: Address, tensor: string): string {
  return port === 'parameter' ? `${path}=${tensor}` : tensor;
}
