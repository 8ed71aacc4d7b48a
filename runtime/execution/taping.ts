import type { Extract } from '../graph/extract.ts';
import type { NodeOf, Value } from '../graph/types.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { HostFunction } from './apply.ts';
import type { Engine, RunOptions } from './engine.ts';
import type { Tape } from './tape.ts';

/** Puts the runs of one part of a graph onto the tape, under the values of the whole graph. */
export class Taping {
  private readonly tape: Tape;
  /** The value of the whole graph that one of the part stands for. */
  private readonly sources: ReadonlyMap<Value, Value>;
  private readonly targets: ReadonlySet<Value>;

  /**
   * @param part the part, which was taken out of the whole graph
   * @param targets the values of the whole graph whose gradients are read or set
   */
  constructor(tape: Tape, part: ReadonlyMap<Value, Value>, targets: ReadonlySet<Value>) {
    this.tape = tape;
    this.sources = new Map([...part].map(([value, copy]) => [copy, value]));
    this.targets = targets;
  }

  /** Whether the gradient by a value of the part is read or set. */
  isTarget(value: Value): boolean {
    return this.targets.has(this.source(value));
  }

  /** The options of a run of nodes that were taken out of the part. */
  run(
    engine: Engine,
    { graph, values }: Extract,
    saves: readonly Value[],
    inputs: ReadonlyMap<string, Value>,
    options: RunOptions,
  ): RunOptions {
    const origins = new Map([...values].map(([value, copy]) => [copy, value]));
    const operands = [...graph.operands.keys()].map((operand) => {
      const origin = origins.get(operand.outputs[0]!);
      return origin ? this.source(origin) : null;
    });
    const sources = saves.map((value) => this.source(value));
    const named = new Map([...inputs].map(([name, value]) => [name, this.source(value)]));
    return {
      ...options,
      onTrail: (trail) => this.tape.push({ kind: 'run', ...trail, engine, saves: sources, operands, inputs: named }),
    };
  }

  /** A function of the user that was called. */
  call(node: NodeOf<'apply'>, inputs: readonly Value[], tensors: readonly Tensor[], { backward }: HostFunction): void {
    this.tape.push({
      kind: 'call',
      node,
      value: this.source(node.outputs[0]!),
      inputs: inputs.map((value) => this.source(value)),
      tensors,
      backward,
      isDerivative: false,
    });
  }

  private source(value: Value): Value {
    return this.sources.get(value) ?? value;
  }
}
