import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction, Script } from 'node:vm';
import { transform } from '../../../compiler/transform.ts';
import { add, type NNsight as Module, mul, NNsight, type Operand, save, Tensor } from '../../../runtime/index.ts';
import * as operators from '../../../runtime/operators/index.ts';
import { SavedProxy } from '../../../runtime/tracing/saves.ts';
import { FRONT } from './front.ts';

/** How a program ended: with what it gave, or with what it threw. */
export type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** What a program is given: how numbers and vectors are made, how a value is brought back, and what it can use. */
interface Given {
  readonly T: (value: number) => unknown;
  readonly I: (value: number) => unknown;
  readonly V: (values: number[]) => unknown;
  readonly save: (value: never) => unknown;
  readonly library: object;
}
type Codes = Record<string, unknown>;
type Result = Record<string, unknown>;

/** The names of programs, and of what stands in front of them, in errors. */
export const FILES: readonly string[] = ['program.js', 'front.js'];
const MODEL = fileURLToPath(new URL('../../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

let loaded: Promise<Module> | undefined;
const model = (): Promise<Module> => {
  loaded ??= NNsight.load(MODEL, { device: 'cpu' });
  return loaded;
};

/** Milliseconds: far more than a program takes that ends at all. */
const LIMIT = 500;
const limited = new Script('fuzzed()');

/** As it stands. A program that does not end gives an error. */
export function asJavaScript(text: string): Outcome {
  Object.assign(globalThis, { fuzzed: () => evaluate(FRONT, text, {}, plain()) });
  return ended(() => limited.runInThisContext({ timeout: LIMIT }) as Result);
}

/** Compiled, on plain values; `check` sees each result of an arithmetic operator. */
export function onPlainValues(compiled: string, check: (result: unknown) => void): Outcome {
  const binary: typeof operators.binary = (...values) => {
    const result = operators.binary(...values);
    if ('+-*'.includes(values[0])) check(result);
    return result;
  };
  return ended(() => evaluate(compiledFront(), compiled, { ...operators, binary }, plain()));
}

/**
 * Compiled, on numbers that come out of a model.
 * @param outside an object in which the program leaves its numbers: what they are is known when the trace is over
 */
export async function onTracedValues(compiled: string, outside: Result = {}): Promise<Outcome> {
  const of = await model();
  const block = operators.block(() => {
    const zero = mul(of.layer1.output['0, 0'], 0);
    const T = operators.block((value: number) => add(zero, value));
    const I = operators.block((value: number) => add(zero.long(), value));
    const V = operators.block((values: number[]) => add(zero, Tensor.from(values, 'float32')));
    const result = evaluate(compiledFront(), compiled, operators, { T, I, V, save, library: library() });
    leave()(outside, result, T);
    return Object.fromEntries(
      Object.entries(result).map(([name, value]) => [name, isSave(value) ? value : save(value as Operand)]),
    );
  });
  try {
    return { value: await of.trace({ x }, block) };
  } catch (error) {
    return { error };
  }
}

/** Sets each field, some of them in a branch. */
const LEAVE = `function leave(outside, result, T) {
  let i = 0;
  for (const name of Object.keys(outside)) {
    if (i++ % 2 === 0) outside[name] = result[name];
    else if (T(1) > 0) outside[name] = result[name];
    else outside[name] = -1;
  }
}`;

let left: ((outside: Result, result: Result, T: Given['T']) => void) | undefined;
const leave = (): typeof left & {} => {
  left ??= load(compile(LEAVE, 'leave.js'), 'leave', 'leave.js')(operators) as typeof left & {};
  return left;
};

/** Whether the program saved a value itself, or did not get to save it. */
function isSave(value: unknown): boolean {
  return value instanceof SavedProxy || value === undefined;
}

/** @throws CompileError */
export function compile(text: string, file = FILES[0]!): string {
  const lowered = transform(`'use trace'; ${text}`, { file, id: resolve(file) });
  if (!lowered) throw new Error('nothing was compiled');
  return lowered.code.replace("import * as __o from 'onnsight/operators';", '');
}

let front: string | undefined;
const compiledFront = (): string => {
  front ??= compile(FRONT, FILES[1]);
  return front;
};

/** Runs a program: `codes` are what compiled code calls. */
function evaluate(front: string, text: string, codes: Codes, given: Given): Result {
  const classes = load(front, '{ Cell, Double, counter }', FILES[1]!)(codes) as object;
  const run = load(text, 'run', FILES[0]!)(codes) as (given: object) => Result;
  return run({ ...given, ...classes });
}

function load(code: string, result: string, filename: string): (codes: Codes) => unknown {
  return compileFunction(`'use strict'; ${code}\nreturn ${result};`, ['__o'], { filename: resolve(filename) }) as never;
}

function plain(): Given {
  const same = <T>(value: T): T => value;
  return { T: same, I: same, V: same, save: same, library: library() };
}

/** A module that was not compiled. */
function library(): object {
  let count = 0;
  return {
    bump: () => ++count,
    count: () => count,
    twice: (value: number) => value * 2,
    state: { v: 0 },
    get next() {
      return ++count;
    },
  };
}

function ended(run: () => unknown): Outcome {
  try {
    return { value: run() };
  } catch (error) {
    return { error };
  }
}
