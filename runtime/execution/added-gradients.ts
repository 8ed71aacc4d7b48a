import type { Value } from '../graph/types.ts';
import type { Gradient, Recorder } from './recorder.ts';

/** The gradients of one backward pass, while they add up. */
export class AddedGradients {
  /** By values that go from run to run: what later runs made of them. */
  private readonly byValue = new Map<Value, Gradient>();
  /** By registers, run by run. */
  private readonly byRegister: readonly Map<number, Gradient>[];
  /** By weights of the models, under the values that stand for them: what the models make of them. */
  private readonly byWeight = new Map<Value, Gradient>();
  private readonly recorder: Pick<Recorder, 'sum'>;

  constructor(runs: number, recorder: Pick<Recorder, 'sum'>) {
    this.byRegister = Array.from({ length: runs }, () => new Map());
    this.recorder = recorder;
  }

  ofValue(value: Value): Gradient | null {
    return this.byValue.get(value) ?? null;
  }

  ofRegister(run: number, register: number): Gradient | null {
    return this.byRegister[run]!.get(register) ?? null;
  }

  ofWeight(value: Value): Gradient | null {
    return this.byWeight.get(value) ?? null;
  }

  toValue(value: Value, gradient: Gradient): void {
    this.add(this.byValue, value, gradient);
  }

  toRegister(run: number, register: number, gradient: Gradient): void {
    this.add(this.byRegister[run]!, register, gradient);
  }

  toWeight(value: Value, gradient: Gradient): void {
    this.add(this.byWeight, value, gradient);
  }

  /** What a register's gradient is in the end: what has added up was all set aside, or is in it. */
  setRegister(run: number, register: number, gradient: Gradient): void {
    this.byRegister[run]!.set(register, gradient);
  }

  private add<K>(gradients: Map<K, Gradient>, key: K, gradient: Gradient): void {
    const known = gradients.get(key);
    gradients.set(key, known ? this.recorder.sum(known, gradient) : gradient);
  }
}
