import { expect, vi } from 'vitest';
import type { Segmentation } from '../../runtime/partition/segmentation.ts';
import { SEGMENTATIONS } from './engines.ts';

/** What two runs gave, as far as they are compared. */
export interface Compared {
  readonly dims: readonly number[];
  readonly data: ArrayLike<unknown>;
  readonly dtype?: string;
}

/** How far results may be from those of the model that runs whole, relative to a tensor's largest magnitude. */
const TOLERANCE = 1e-5;

/** Loads a model once for each way to cut it, as a user does who sets the environment variable. */
export async function loadEachWay<M>(load: () => Promise<M>): Promise<ReadonlyMap<Segmentation, M>> {
  const models = new Map<Segmentation, M>();
  try {
    for (const segmentation of SEGMENTATIONS) {
      vi.stubEnv('ONNSIGHT_SEGMENTS', segmentation);
      models.set(segmentation, await load());
    }
  } finally {
    vi.unstubAllEnvs();
  }
  return models;
}

/** Runs something on each of the models: what it gave by name, or the message of its error. */
export async function runEachWay<M>(
  models: ReadonlyMap<Segmentation, M>,
  run: (model: M) => Promise<Readonly<Record<string, Compared>>>,
): Promise<ReadonlyMap<Segmentation, Readonly<Record<string, Compared>> | string>> {
  const found = new Map<Segmentation, Readonly<Record<string, Compared>> | string>();
  for (const [segmentation, model] of models) found.set(segmentation, await run(model).catch(String));
  return found;
}

/** Fails unless each way gave what the model that ran whole gave. Returns that. */
export function expectAgreement<T extends Readonly<Record<string, Compared>> | string>(
  found: ReadonlyMap<Segmentation, T>,
  name: string,
): T {
  const whole = found.get('off')!;
  for (const [segmentation, other] of found) {
    const what = `${name} (${segmentation})`;
    if (typeof whole === 'string' || typeof other === 'string') {
      expect(other, what).toBe(whole);
      continue;
    }
    expect(Object.keys(other), what).toEqual(Object.keys(whole));
    for (const [key, tensor] of Object.entries(whole)) expectSame(other[key]!, tensor, `${what}: ${key}`);
  }
  return whole;
}

/** Plain numbers have no dtype and are compared as floats. */
const isFloat = ({ dtype }: Compared) => dtype === undefined || /float/.test(dtype);

function expectSame(actual: Compared, wanted: Compared, name: string): void {
  expect([actual.dtype, actual.dims], name).toEqual([wanted.dtype, wanted.dims]);
  const values = Array.from(wanted.data, Number);
  const finite = values.filter(Number.isFinite).map(Math.abs);
  const largest = finite.reduce((a, b) => Math.max(a, b), 0);
  const allowed = isFloat(wanted) ? TOLERANCE * largest : 0;
  const far = values.findIndex((value, i) => {
    const other = Number(actual.data[i]);
    return !Object.is(value, other) && value !== other && !(Math.abs(value - other) <= allowed);
  });
  const told = far < 0 ? '' : `element ${far} is ${actual.data[far]}, not ${values[far]}; the largest is ${largest}`;
  expect(told, name).toBe('');
}
