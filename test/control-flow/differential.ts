import { fileURLToPath } from 'node:url';
import * as onnsight from 'onnsight';
import { add, NNsight, Tensor, TraceError } from 'onnsight';
import * as operators from 'onnsight/operators';
import ts from 'typescript';
import { transform } from '../../compiler/transform.ts';

/*
 * A program is run twice: as JavaScript on plain numbers, and as a block on numbers that only the run of a model knows.
 * Both must give the same, or the second a TraceError. In the text `t(x)` is such a number, `v([x, …])` a vector of
 * them, and what the program returns is saved with `save`.
 */
const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const model: NNsight = await NNsight.load(MLP, { device: 'cpu' });
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

function number(value: number) {
  'use trace';
  return model.layer1.output[0][0] * 0 + value;
}

function vector(values: number[]) {
  'use trace';
  return add(model.layer1.output[0][0] * 0, Tensor.from(values, 'float32'));
}

export interface Program {
  /** The body of the block. */
  readonly body: string;
  /** What stands before it in the file. */
  readonly head?: string;
  /** Other modules of the program, by name: they are not compiled. */
  readonly modules?: Readonly<Record<string, string>>;
}

/** What JavaScript gives. */
export function plainly(program: Program): unknown {
  const same = <T>(value: T): T => value;
  const { run } = load(program, sourceOf(program));
  return normal(run({ trace: (_: unknown, block: () => unknown) => block() }, x, same, same, same));
}

/** What the trace gives: values, or the message of a TraceError. Every other error is thrown on. */
export async function traced(program: Program): Promise<{ value: unknown } | { error: string }> {
  const source = sourceOf(program);
  const lowered = transform(source, { file: 'program.ts', id: '/project/program.ts' });
  if (!lowered) throw new Error('nothing was rewritten');
  try {
    const { run } = load(program, lowered.code);
    return { value: normal(await run(model, x, number, vector, onnsight.save)) };
  } catch (error) {
    if (!(error instanceof TraceError)) throw error;
    return { error: error.message };
  }
}

/** The file that a program is. */
export function sourceOf({ body, head = '' }: Program): string {
  return `import type {} from 'onnsight';\n${head}\nexport const run = (m: any, x: any, t: any, v: any, save: any) => m.trace(x, () => {\n${body}\n});\n`;
}

type Run = (...values: unknown[]) => unknown;

function load({ modules = {} }: Program, code: string): { run: Run } {
  const known: Record<string, unknown> = { onnsight, 'onnsight/operators': operators };
  const require = (name: string): unknown => {
    const text = modules[name];
    if (text !== undefined) known[name] ??= evaluate(text, require);
    if (!(name in known)) throw new Error(`There is no module ${name}.`);
    return known[name];
  };
  return evaluate(code, require) as { run: Run };
}

function evaluate(code: string, require: (name: string) => unknown): object {
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { outputText, diagnostics } = ts.transpileModule(code, { reportDiagnostics: true, compilerOptions });
  if (diagnostics?.length)
    throw new Error(`${ts.flattenDiagnosticMessageText(diagnostics[0]!.messageText, '\n')}\n${code}`);
  const exports = {};
  new Function('exports', 'require', outputText)(exports, require);
  return exports;
}

/** Tensors and truths as numbers, so that both ways of running can be compared. */
function normal(value: unknown): unknown {
  if (value instanceof Tensor) return value.dims.length === 0 ? Number(value.item()) : value.toArray();
  if (typeof value === 'boolean') return Number(value);
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, normal(field)]));
}
