import { describe, expect, test } from 'vitest';
import { GradientError } from '../../runtime/gradients/error.ts';
import { CONVOLUTION } from './cases/convolution.ts';
import { ELEMENTWISE } from './cases/elementwise.ts';
import { INDEXING } from './cases/indexing.ts';
import { NORMALISATION } from './cases/normalisation.ts';
import { PRODUCTS } from './cases/products.ts';
import { REDUCTIONS } from './cases/reductions.ts';
import { SHAPES } from './cases/shapes.ts';
import {
  type Case,
  type Derived,
  derived,
  differences,
  type Gradients,
  KNOWLEDGE,
  type Knowledge,
  TOLERANCE,
} from './harness.ts';
import { normal } from './values.ts';

/** ONNX Runtime has no kernel for float64. */
function lacksKernel(error: unknown): boolean {
  return /Could not find an implementation|Type 'tensor\(double\)' of input parameter/.test(String(error));
}

/** The first float dtype in which a case runs, with its gradients by differences. */
async function reference(one: Case): Promise<{ float: 'float64' | 'float32'; expected: Gradients }> {
  const seedOf = (dims: readonly number[]) => normal(...dims);
  if (one.float) return { float: one.float, expected: await differences(one, one.float, seedOf) };
  try {
    const expected = await differences(one, 'float64', seedOf);
    await derived(one, 'sizes', 'float64', expected.seed);
    return { float: 'float64', expected };
  } catch (error) {
    if (!lacksKernel(error)) throw error;
    return { float: 'float32', expected: await differences(one, 'float32', seedOf) };
  }
}

function expectNear(one: Case, { byInput }: Gradients, found: ReadonlyMap<string, Derived>, tolerance: number): void {
  for (const [name, expected] of byInput) {
    const gradient = found.get(name);
    expect(gradient?.dims, `the shape of the gradient by ${name}`).toEqual(one.inputs[name]!.dims);
    const scale = 1 + Math.max(0, ...expected.map(Math.abs));
    const far = expected.flatMap((value, i) => {
      const isNear = Math.abs(value - gradient!.data[i]!) <= tolerance * scale;
      return isNear ? [] : [`${name}[${i}] is ${gradient!.data[i]}, not ${value}`];
    });
    expect(far).toEqual([]);
  }
}

const references = new Map<Case, ReturnType<typeof reference>>();

async function check(one: Case, knowledge: Knowledge): Promise<void> {
  const known = references.get(one) ?? reference(one);
  references.set(one, known);
  const { float, expected } = await known;
  const refused = one.refused?.[knowledge];
  const found = derived(one, knowledge, float, expected.seed);
  if (refused !== undefined) {
    await expect(found).rejects.toThrow(GradientError);
    await expect(found).rejects.toThrow(refused);
    return;
  }
  expectNear(one, expected, await found, TOLERANCE[float]);
}

/** The same in halves, to their precision. */
async function checkHalves(one: Case): Promise<void> {
  const known = references.get(one) ?? reference(one);
  references.set(one, known);
  const { expected } = await known;
  expectNear(one, expected, await derived(one, 'sizes', 'float16', expected.seed), TOLERANCE.float16);
}

/** Where nothing but constants would be hidden, hiding them is no case of its own. */
function knowledgeFor(one: Case): readonly Knowledge[] {
  return one.constants ? KNOWLEDGE : KNOWLEDGE.filter((knowledge) => knowledge !== 'no constants');
}

describe.each(Object.entries({ ELEMENTWISE, PRODUCTS, NORMALISATION, SHAPES, INDEXING, REDUCTIONS, CONVOLUTION }))(
  'the gradients of %s are those of central differences',
  (_, cases) => {
    const all = cases.flatMap((one) => knowledgeFor(one).map((knowledge) => [one.name, knowledge, one] as const));
    test.each(all)('%s, knowing %s', (_name, knowledge, one) => check(one, knowledge));
    const told = cases.filter((one) => one.refused?.sizes === undefined);
    test.each(told.map((one) => [one.name, one] as const))('%s, of float16', (_name, one) => checkHalves(one));
  },
);
