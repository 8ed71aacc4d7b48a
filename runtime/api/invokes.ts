import { TraceError } from '../errors.ts';
import type { Site } from '../graph/types.ts';
import { prepareInputs } from '../inputs/prepare.ts';
import { rowsOf } from '../inputs/rows.ts';
import type { Inputs } from '../inputs/signature.ts';
import type { Sizes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite, laterSite } from '../tracing/caller.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { givenAt } from './at-caller.ts';
import type { Block } from './blocks.ts';
import { shapesOf } from './shapes.ts';
import { Tracer } from './tracer.ts';
import type { Traceable, Tracing } from './tracing.ts';

/** The invokes of one trace: several inputs that run as one batch, each block with its own rows. */
export class Invokes {
  private readonly model: Traceable;
  private readonly tracing: Tracing;
  private readonly given: Inputs[] = [];
  private readonly site: () => Site | null;
  private rows = 0;

  /** @param site where the trace is opened */
  constructor(model: Traceable, tracing: Tracing, site: () => Site | null) {
    this.site = site;
    this.model = model;
    this.tracing = tracing;
  }

  /** Runs the block of the trace, which calls `tracer.invoke`. */
  build(block: Block): unknown {
    const symbolic = this.model.map.formulas!;
    // How many rows there will be, and how long the longest is, is known when all invokes are there.
    const sizes: Sizes = new Map(symbolic.symbols.map((symbol) => [symbol, null]));
    const tracer = new Tracer(this.tracing, (inputs, inner) => this.invoke(inputs, inner));
    const forward = this.model.openForward(this.tracing, shapesOf(symbolic, sizes), new Map());
    const returned = this.tracing.builder.inForward(forward, () => block(tracer));
    this.checkGiven();
    this.tracing.forwards.runs[forward.id]!.inputs = this.inputs();
    return returned;
  }

  /** Throws a TraceError if no invoke has given an input. */
  checkGiven(): void {
    if (this.given.length > 0) return;
    throw new TraceError(
      'This trace has no input. Give it one, trace(inputs, block), or call tracer.invoke(inputs, block) in its block.',
      this.site(),
    );
  }

  /** The inputs of all invokes as one batch. */
  inputs(): ReadonlyMap<string, InputTensor> {
    this.checkRows();
    return givenAt(this.site, () => {
      const all = this.given.length === 1 ? this.given[0]! : this.model.inputs.batch(this.given);
      return prepareInputs(this.model.map.model, all);
    });
  }

  private checkRows(): void {
    const { unknownRows } = this.tracing;
    this.tracing.unknownRows = null;
    if (!unknownRows || this.given.length < 2) return;
    throw new TraceError(
      `Which rows of ${unknownRows.name} are those of this invoke is not known: the file does not tell how its dimension 0 depends on the batch. Use a module around or behind it, or give each input a trace of its own.`,
      unknownRows.site,
    );
  }

  /** Adds inputs to the batch, and runs a block that sees their rows; undefined: all rows. */
  invoke(inputs: unknown, block: () => unknown): unknown {
    const target = builder();
    if (target.rows) {
      throw new TraceError('An invoke stands inside another one. Put one after the other.', target.site);
    }
    if (target.isBranching) {
      throw new TraceError(
        'An invoke stands in a branch or loop that depends on a traced value. Which inputs run must be known before: put the condition inside the block of the invoke.',
        target.site,
      );
    }
    if (inputs === undefined) return block();
    checkData(inputs);
    // Wrong inputs are an error at this line, not when all are joined.
    const prepared = givenAt(laterSite(), () => {
      const prepared = this.model.inputs.prepare(inputs);
      prepareInputs(this.model.map.model, prepared);
      return prepared;
    });
    const count = rowsOf(prepared);
    this.given.push(prepared);
    target.rows = { start: this.rows, count };
    this.rows += count;
    try {
      return block();
    } finally {
      target.rows = null;
    }
  }
}

/** Throws a TraceError for an input that is a value of the trace: all invokes of a trace run together. */
function checkData(inputs: unknown): void {
  const given: readonly (readonly [string, unknown])[] = isPlainObject(inputs)
    ? Object.entries(inputs)
    : [['its input', inputs]];
  const traced = given.find(([, value]) => value instanceof TensorProxy);
  if (!traced) return;
  throw new TraceError(
    `An invoke is given a value of the trace (${traced[0]}), which is not known before its batch runs. Put two traces into a session, and give the second one what the first one computes: session.trace({ ${isPlainObject(inputs) ? traced[0] : 'input_ids'}: value }, () => { … }).`,
    callerSite(),
  );
}
