import { ours } from '../tracing/harmless.ts';
import { UserModule } from '../tracing/model.ts';
import type { CallEnvoy as PublicCall, OperationEnvoy as PublicOperation } from '../types/module.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import type { Ports } from './ports.ts';

/** One operation of the model's graph: the tensors that go in and out. */
export class OperationEnvoy extends UserModule implements PublicOperation {
  readonly #ports: Ports;
  readonly #place: string;

  /** @param place how a user writes it */
  constructor(ports: Ports, place: string) {
    super();
    this.#ports = ports;
    this.#place = place;
  }

  /** Dotted, as PyTorch writes it; '' for the model itself. */
  get path(): string {
    return this.#ports.path;
  }

  /** The main output. Assigning replaces it for everything downstream. */
  get output(): Traced {
    return this.#ports.read('output');
  }

  set output(value: Operand) {
    this.#ports.write('output', value);
  }

  /** The first input. Assigning replaces it for this module alone. */
  get input(): Traced {
    return this.#ports.read('input');
  }

  set input(value: Operand) {
    this.#ports.write('input', value);
  }

  /** All outputs, the main one first. */
  get outputs(): Traced[] {
    return this.#ports.readAll('output');
  }

  set outputs(values: readonly Operand[]) {
    this.#ports.writeAll('output', values);
  }

  /** All inputs, the main one first. */
  get inputs(): Traced[] {
    return this.#ports.readAll('input');
  }

  set inputs(values: readonly Operand[]) {
    this.#ports.writeAll('input', values);
  }

  override toString(): string {
    return this.#place;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** One call of a module that runs several times in one forward. */
export class CallEnvoy extends OperationEnvoy implements PublicCall {
  /** Leaves the module out: `value` becomes its output. */
  skip(value: Operand): void {
    this.output = value;
  }
}

ours(OperationEnvoy, CallEnvoy);
