import { describe, expect, it } from 'vitest';
import { OperationError } from '../../runtime/graph/operation.ts';
import { operations } from '../../runtime/graph/operations/index.ts';
import type { DType } from '../../runtime/graph/types.ts';
import type { Tensor } from '../../runtime/tensor/tensor.ts';
import { type Case, casesByOperation, type Recorded, title } from './cases.ts';
import { infer, type Knowledge, lower, run, toTensor } from './harness.ts';

/** The sets at which something that the lowerings use changed, and a late one. */
const OPSETS = [13, 17, 21];

/** How far a result may be off, relative to its size where that is above 1. */
const TOLERANCE: Readonly<Partial<Record<DType, number>>> = { float16: 2e-3, float32: 2e-6, float64: 1e-12 };
/** Cases that run in one model: a session costs more than the operations in it. */
const TOGETHER = 16;
/** What tells a wrong result from an error. */
const WRONG = ' ≠ ';
/** ONNX Runtime's Erf has no float64 kernel. */
const IN_FLOAT32 = new Set(['erf', 'gelu']);

it('has cases for every operation', () => {
  expect([...casesByOperation.keys()].sort()).toEqual(Object.keys(operations).sort());
});

describe.each([...casesByOperation])('%s', (op, cases) => {
  const valid = cases.filter((one) => one.outputs);

  it('infers what PyTorch gives', () => {
    for (const one of valid) {
      expectTypes(one, 'all');
      if (!one.readsSizes) expectTypes(one, 'ranks');
    }
  });

  it('refuses what PyTorch refuses', () => {
    for (const one of cases.filter((other) => other.error)) {
      expect(() => infer(one, 'all'), `${title(one)}: ${one.error}`).toThrow(OperationError);
    }
  });

  it.each(OPSETS)('fails a run rather than compute nonsense, in operator set %i', async (opset) => {
    for (const one of cases.filter((other) => other.error)) {
      await expect(refused(one, opset), `${title(one)}: ${one.error}`).resolves.toBe(true);
    }
  });

  it('computes the same on tensors of unknown rank, or refuses to', async () => {
    const full = valid.filter(({ inputs }) => !isEmpty(inputs[0]!));
    const problems = await problemsOf(full, 21, 'first rank unknown');
    expect(problems.filter((problem) => problem.includes(WRONG)).join('\n')).toBe('');
  });

  it.each(OPSETS)('computes what PyTorch computes, in operator set %i', async (opset) => {
    const [reading, others] = [true, false].map((reads) => valid.filter((one) => !!one.readsSizes === reads));
    const problems = [...(await problemsOf(reading!, opset, 'all')), ...(await problemsOf(others!, opset, 'ranks'))];
    expect(problems.join('\n')).toBe('');
  });

  it('writes the same nodes whatever sizes are known', () => {
    for (const one of valid.filter(({ readsSizes }) => !readsSizes)) {
      expect(Buffer.from(lower([one], 'all', 18)).equals(lower([one], 'ranks', 18)), `${op} ${title(one)}`).toBe(true);
    }
  });
});

/** The shape must be right where it is known, and known where everything about the inputs is, but for masks. */
function expectTypes(one: Case, knowledge: Knowledge): void {
  const types = infer(one, knowledge);
  const name = `${one.op} ${title(one)} (${knowledge})`;
  expect(
    types.map(({ dtype }) => dtype),
    name,
  ).toEqual(one.outputs!.map(({ dtype }) => dtype));
  types.forEach((type, i) => {
    const { dims } = one.outputs![i]!;
    const filled = type.shape?.map((dim, at) => dim ?? dims[at]) ?? dims;
    expect(filled, name).toEqual(dims);
    if (knowledge === 'all' && !usesMask(one)) expect(type.shape, name).toEqual(dims);
    if (type.constant) expect(type.constant, name).toEqual(one.outputs![i]!.data);
  });
}

function usesMask({ attributes }: Case): boolean {
  return JSON.stringify(attributes).includes('"mask"');
}

/** ONNX Runtime reduces empty tensors to the wrong shape along negative axes, and without a rank they stay negative. */
function isEmpty({ dims }: Recorded): boolean {
  return dims.includes(0);
}

/** Whether the graph or the run refuses a case whose activations are known only when it runs. */
async function refused(one: Case, opset: number): Promise<boolean> {
  try {
    await run(lower([one], 'operands', opset), [one]);
    return false;
  } catch {
    return true;
  }
}

async function problemsOf(cases: readonly Case[], opset: number, knowledge: Knowledge): Promise<readonly string[]> {
  const problems: string[] = [];
  for (let at = 0; at < cases.length; at += TOGETHER) {
    problems.push(...(await problemsOfSome(cases.slice(at, at + TOGETHER), opset, knowledge)));
  }
  return problems;
}

/** Runs cases in one model and, where that fails, in one of each half, down to those that fail alone. */
async function problemsOfSome(cases: readonly Case[], opset: number, knowledge: Knowledge): Promise<readonly string[]> {
  try {
    const results = await run(lower(cases, knowledge, opset), cases);
    return cases.flatMap((one, at) =>
      results[at]!.flatMap((result, i) =>
        difference(result, one.outputs![i]!, one.op).map((text) => `${one.op} ${title(one)}: ${text}`),
      ),
    );
  } catch (error) {
    const [first] = cases;
    if (cases.length === 1) return [`${first!.op} ${title(first!)}: ${error instanceof Error ? error.message : error}`];
    const half = cases.length >> 1;
    const [one, other] = [cases.slice(0, half), cases.slice(half)];
    return [...(await problemsOfSome(one, opset, knowledge)), ...(await problemsOfSome(other, opset, knowledge))];
  }
}

function difference(actual: Tensor, recorded: Recorded, op: string): readonly string[] {
  const expected = toTensor(recorded);
  const types = [actual, expected].map(({ dtype, dims }) => `${dtype}[${dims}]`);
  if (types[0] !== types[1]) return [types.join(WRONG)];
  const tolerance = IN_FLOAT32.has(op) ? Math.max(2e-6, TOLERANCE[actual.dtype] ?? 0) : (TOLERANCE[actual.dtype] ?? 0);
  const [a, b] = [actual, expected].map(({ data }) => Array.from(data as ArrayLike<number | bigint>));
  const off = a!.some((value, i) => !close(value, b![i]!, tolerance));
  return off ? [[a, b].map((values) => `[${values}]`).join(WRONG)] : [];
}

function close(a: number | bigint, b: number | bigint, tolerance: number): boolean {
  if (a === b || Object.is(a, b)) return true;
  return Math.abs(Number(a) - Number(b)) <= tolerance * Math.max(1, Math.abs(Number(b)));
}
