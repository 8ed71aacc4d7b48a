import { TraceError } from '../errors.ts';
import type { Address } from '../graph/ops.ts';
import { formatTree } from '../modules/format.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { ours } from '../tracing/harmless.ts';
import type { TensorProxy } from '../tracing/proxy.ts';
import { atCaller } from './at-caller.ts';
import { callModule } from './call-module.ts';
import { fixedList } from './fixed-list.ts';
import type { ModelMap } from './locate.ts';
import { readTensor, writeTensor } from './module-tensors.ts';
import { Tracing } from './tracing.ts';

/** What modules, operations and calls of a module have in common: tensors that go in and out. */
export class Envoy {
  readonly map: ModelMap;
  /** Dotted, as PyTorch writes it; '' for the model itself. */
  readonly path: string;
  private readonly callIndex: number;

  constructor(map: ModelMap, path: string, callIndex = 0) {
    this.map = map;
    this.path = path;
    this.callIndex = callIndex;
  }

  /** The main output. Assigning replaces it for everything downstream. */
  get output(): unknown {
    return this.read('output', 0);
  }

  set output(value: unknown) {
    this.write('output', 0, value);
  }

  /** The first input. Assigning replaces it for this module alone. */
  get input(): unknown {
    return this.read('input', 0);
  }

  set input(value: unknown) {
    this.write('input', 0, value);
  }

  /** All outputs, the main one first. */
  get outputs(): unknown[] {
    return this.readAll('output');
  }

  set outputs(values: unknown) {
    this.writeAll('output', values);
  }

  /** All inputs, the main one first. */
  get inputs(): unknown[] {
    return this.readAll('input');
  }

  set inputs(values: unknown) {
    this.writeAll('input', values);
  }

  /** Leaves the module out: `value` becomes its output. */
  skip(value: unknown): void {
    this.write('output', 0, value);
  }

  /** The calls of a module that runs several times in one forward. */
  get calls(): Envoy[] {
    const calls = this.map.find(this.path).calls.map((_, index) => new Envoy(this.map, this.path, index));
    return fixedList(calls, `${this.path}.calls`);
  }

  /** The operations inside a module by ONNX name and count: `attn.ops.Softmax.output`, `attn.ops.MatMul_1.output`. */
  get ops(): unknown {
    return new Proxy({} as object, {
      get: (_, name) => {
        if (typeof name !== 'string' || name === 'then') return undefined;
        atCaller(() => this.map.nodeOf(this.path, name));
        return new Envoy(this.map, `${this.path}${OPERATION}${name}`);
      },
      ownKeys: () => this.map.find(this.path).operations.map(({ name }) => name),
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    });
  }

  /** In a generation: from here on, this module is that of the next step (or some steps further). */
  next(steps = 1): this {
    const target = activeBuilder();
    const tracing = target && Tracing.of(target);
    const offset = (tracing?.offsets.get(this.path) ?? 0) + steps;
    if (!tracing?.stepForward?.(offset)) {
      throw new TraceError(
        tracing?.stepForward
          ? `${this.path}.next(): the generation has no further step. Give more with maxNewTokens.`
          : `${this.path}.next() works in the block of model.generate(…) only.`,
        callerSite(),
      );
    }
    tracing.offsets.set(this.path, offset);
    return this;
  }

  toString(): string {
    return formatTree(this.map.find(this.path));
  }

  /** Whether a forward of this model is being traced now. */
  isTraced(): boolean {
    const target = activeBuilder();
    return target !== null && Tracing.of(target).forwardOf(this.map) !== null;
  }

  /** Runs the module on another value, in the middle of this forward. */
  forward(values: readonly unknown[]): TensorProxy {
    return callModule(this.tracedForward('called'), this.map, this.address('output', 0), values);
  }

  private address(port: Address['port'], index: number): Address {
    // What does nothing has no node that could see another input: a new input is a new output.
    const isIdentity = port === 'input' && this.map.isIdentity(this.path);
    return { path: this.path, port: isIdentity ? 'output' : port, index, call: this.callIndex };
  }

  /** The forward that runs now. */
  private tracedForward(verb: string): TracedForward {
    const target = activeBuilder();
    const name = this.path || 'the model';
    if (!target)
      throw new TraceError(
        `${name} is ${verb} outside of a trace. Do it in the block of model.trace(inputs, () => { … }).`,
        callerSite(),
      );
    const forward = Tracing.of(target).forwardOf(this.map, this.path);
    if (forward) return forward;
    throw new TraceError(
      target.forward
        ? `${name} belongs to another model than the one that is traced here. Call that model on a value first: its modules can be ${verb} after the call.`
        : `${name} is ${verb} between the traces of a session. Do it in the block of session.trace(inputs, () => { … }).`,
      callerSite(),
    );
  }

  private read(port: 'output' | 'input', index: number): TensorProxy {
    return readTensor(this.tracedForward('read'), this.address(port, index));
  }

  private readAll(port: 'output' | 'input'): TensorProxy[] {
    const count = this.map.locate(this.address(port, 0))[`${port}s`].length;
    const values = Array.from({ length: count }, (_, index) => this.read(port, index));
    return fixedList(values, `${this.path || 'the model'}.${port}s`);
  }

  private writeAll(port: 'output' | 'input', values: unknown): void {
    this.tracedForward('set');
    const count = this.map.locate(this.address(port, 0))[`${port}s`].length;
    if (!Array.isArray(values) || values.length > count) {
      throw new TraceError(`${this.path}.${port}s is set to an array of up to ${count} tensors.`, callerSite());
    }
    values.forEach((value, index) => {
      this.write(port, index, value);
    });
  }

  private write(port: 'output' | 'input', index: number, value: unknown): void {
    writeTensor(this.tracedForward('set'), this.address(port, index), value);
  }
}
ours(Envoy);
