import { TraceError } from '../errors.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Address } from '../graph/ops.ts';
import { copy } from '../tracing/apply.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { Traced } from '../types/tensor.ts';
import { atCaller } from './at-caller.ts';
import { callModule } from './call-module.ts';
import { fixedList } from './fixed-list.ts';
import type { ModelMap } from './model-map.ts';
import { readTexts } from './model-texts.ts';
import { readTensor, writeTensor } from './module-tensors.ts';
import { ANYWHERE, type Standing } from './place.ts';
import { activeTracing } from './tracing.ts';
import { TypedModel } from './typed-model.ts';

type Side = 'output' | 'input';

/** The tensors that go in and out of a module, of one call of a module, or of an operation. */
export class Ports {
  readonly map: ModelMap;
  /** Dotted, as PyTorch writes it; '' for the model itself. */
  readonly path: string;
  readonly #call: number;
  readonly #standing: Standing;

  constructor(map: ModelMap, path: string, call = 0, standing = ANYWHERE) {
    this.map = map;
    this.path = path;
    this.#call = call;
    this.#standing = standing;
  }

  /** The value of the main output or the first input. */
  read(port: Side, index = 0): Traced {
    const forward = this.#forward('read');
    const address = this.#address(port, index);
    const typed = TypedModel.of(forward);
    const before = typed.ranBefore(this.path);
    if (before) return asTraced(copy(readTensor(before, address)));
    const own = ownAddress(typed, address);
    // Texts stand where numbers do, and are no tensor of numbers: what may be done with them says so.
    const texts = this.map.hasTexts ? this.#textsAt(forward, own) : null;
    return (texts as Traced | null) ?? asTraced(readTensor(forward, own));
  }

  /** The same of texts; null where there are none. */
  texts(port: Side, index: number): object | null {
    if (!this.map.hasTexts) return null;
    const forward = this.#forward('read');
    return this.#textsAt(forward, ownAddress(TypedModel.of(forward), this.#address(port, index)));
  }

  #textsAt(forward: TracedForward, address: Address): object | null {
    const { runs } = activeTracing()!.forwards;
    return readTexts(forward, address, () => runs[forward.id]!.inputs);
  }

  readAll(port: Side): Traced[] {
    const typed = TypedModel.of(this.#forward('read'));
    const tensors = atCaller(() => typed.tensorsAt(this.#address(port, 0)));
    const values: Traced[] = [];
    tensors.forEach((tensor, index) => {
      if (typed.isTyped(tensor) || this.texts(port, index)) values[index] = this.read(port, index);
      // Who asks for one that no trace can read finds out at that place; the others are there.
      else Object.defineProperty(values, index, { get: () => this.read(port, index), enumerable: true });
    });
    // Of a model they have the names that its user gives them by; inside of it names are the exporter's.
    return fixedList(values, `${this.#name}.${port}s`, this.path === '' ? tensors : []);
  }

  write(port: Side, value: unknown, index = 0): void {
    const forward = this.#forward('set');
    // An edit has set it in the forward that it ran in.
    const typed = TypedModel.of(forward);
    if (typed.ranBefore(this.path)) return;
    writeTensor(forward, ownAddress(typed, this.#address(port, index)), value);
  }

  writeAll(port: Side, values: unknown): void {
    const typed = TypedModel.of(this.#forward('set'));
    const count = atCaller(() => typed.tensorsAt(this.#address(port, 0))).length;
    if (!Array.isArray(values) || values.length > count) {
      throw new TraceError(`${this.#name}.${port}s is set to an array of up to ${count} tensors.`, callerSite());
    }
    values.forEach((value, index) => {
      this.write(port, value, index);
    });
  }

  /** Runs the module on other values, in the middle of this forward. */
  call(values: readonly unknown[]): Traced {
    const forward = this.#forward('called');
    return asTraced(callModule(forward, TypedModel.of(forward).map, this.#address('output', 0), values));
  }

  /** Whether the code that runs now stands in a forward of this model, not of one that calls it. */
  isTraced(): boolean {
    const forward = activeBuilder()?.forward;
    return forward != null && TypedModel.of(forward).held === this.map;
  }

  get #name(): string {
    return this.path || 'the model';
  }

  #address(port: Side, index: number): Address {
    // A module that does nothing has no node that could read another input: a new input is a new output.
    const isIdentity = port === 'input' && this.map.isIdentity(this.path);
    return { path: this.path, port: isIdentity ? 'output' : port, index, call: this.#call };
  }

  /** The forward that runs now. */
  #forward(verb: string): TracedForward {
    const tracing = activeTracing();
    const name = this.#name;
    if (!tracing)
      throw new TraceError(
        `${name} is ${verb} outside of a trace. Do it in the block of model.trace(inputs, () => { … }).`,
        callerSite(),
      );
    const forward = tracing.forwards.of(this.map, this.path, this.#standing);
    if (forward) return forward;
    const { place } = this.#standing;
    throw new TraceError(
      activeBuilder()?.forward
        ? `${name} belongs to ${place ? `the model attached as ${place.path}, which was not called here` : 'another model than the one that is traced here'}. Call that model on a value first: its modules can be ${verb} after the call, in an invoke after a call of its own.`
        : `${name} is ${verb} between the traces of a session. Do it in the block of session.trace(inputs, () => { … }).`,
      callerSite(),
    );
  }
}

function ownAddress(typed: TypedModel, address: Address): Address {
  return atCaller(() => typed.own(address));
}
