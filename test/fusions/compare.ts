import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { modelOf, type Operands, type Program, title } from './program.ts';

/** The optimizations that ONNX Runtime may apply to a graph; 'disabled' is the reference. */
export const LEVELS = ['basic', 'extended', 'all'] as const;
type Level = (typeof LEVELS)[number] | 'disabled';

/** Float32 kernels differ in the order of their sums. */
const TOLERANCE = 1e-4;

type Results = ReadonlyMap<number, { readonly dims: readonly number[]; readonly data: Float32Array }>;

export interface Comparison {
  /** How many of the programs could be built. */
  readonly run: number;
  /** What differs, one line each. */
  readonly faults: readonly string[];
}

/** Runs programs at every level of optimisation against none. */
export async function compare(programs: readonly Program[], operands: Operands): Promise<Comparison> {
  const { applied } = modelOf(programs, operands);
  const able = programs.filter((_, i) => applied[i]);
  if (able.length === 0) return { run: 0, faults: [] };
  const reference = await results(able, operands, 'disabled');
  if (typeof reference === 'string') return halved(able, operands, `without optimisation: ${reference}`);
  const faults: string[] = [];
  for (const level of LEVELS) {
    const optimised = await results(able, operands, level);
    if (typeof optimised === 'string') return halved(able, operands, `${level}: ${optimised}`);
    for (const [i, program] of able.entries()) {
      const [a, b] = [reference.get(i)!, optimised.get(i)!];
      const text = difference(a, b);
      if (text) faults.push(`${level}, ${operands}: ${title(program)}: ${text}`);
    }
  }
  return { run: able.length, faults };
}

/** Finds which of the programs cannot run: all others are compared. */
async function halved(programs: readonly Program[], operands: Operands, problem: string): Promise<Comparison> {
  if (programs.length === 1) return { run: 1, faults: [`${operands}: ${title(programs[0]!)}: ${problem}`] };
  const middle = Math.ceil(programs.length / 2);
  const first = await compare(programs.slice(0, middle), operands);
  const second = await compare(programs.slice(middle), operands);
  return { run: first.run + second.run, faults: [...first.faults, ...second.faults] };
}

async function results(programs: readonly Program[], operands: Operands, level: Level): Promise<Results | string> {
  const { model, feeds } = modelOf(programs, operands);
  try {
    const session = await InferenceSession.create(model, {
      graphOptimizationLevel: level,
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      logSeverityLevel: 4,
    });
    const inputs = Object.entries(feeds).map(([name, { dtype, raw, dims }]) => [
      name,
      new OrtTensor(dtype as 'float32', raw as Float32Array<ArrayBuffer>, dims),
    ]);
    const outputs = await session.run(Object.fromEntries(inputs), { logSeverityLevel: 4 });
    const found = Object.entries(outputs).map(
      ([name, { dims, data }]) =>
        [Number(name.slice(3)), { dims, data: Float32Array.from(data as Float32Array) }] as const,
    );
    await session.release();
    return new Map(found);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

type Result = Results extends ReadonlyMap<number, infer R> ? R : never;

function difference(a: Result, b: Result): string | null {
  if (a.dims.join() !== b.dims.join()) return `dims [${b.dims}], not [${a.dims}]`;
  const scale = Math.max(1, ...a.data.map((x) => (Number.isFinite(x) ? Math.abs(x) : 0)));
  const off = a.data.findIndex((x, i) => !Object.is(x, b.data[i]) && !(Math.abs(x - b.data[i]!) <= TOLERANCE * scale));
  return off < 0 ? null : `element ${off} is ${b.data[off]}, not ${a.data[off]}`;
}
