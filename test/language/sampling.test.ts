import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createSampler, probabilities, rowStreams } from '../../runtime/language/sampling.ts';
import type { SamplingOptions } from '../../runtime/language/sampling-options.ts';

interface Case {
  readonly name: string;
  readonly options: SamplingOptions;
  readonly logits: readonly number[];
  readonly previous: readonly number[];
  readonly probabilities: readonly number[];
  readonly greedy: number;
}

const cases: Case[] = JSON.parse(readFileSync(new URL('../fixtures/language/sampling.json', import.meta.url), 'utf8'));
const logits = Float32Array.from([0, 1, 2, 3, -1, 0.5]);

const drawn = (options: SamplingOptions, count: number, stream = 0) => {
  const sampler = createSampler({ doSample: true, ...options }, stream);
  return Array.from({ length: count }, () => sampler.next(logits));
};

describe.each(cases)('as transformers: $name logits, $options', ({ options, previous, ...expected }) => {
  const row = Float32Array.from(expected.logits);

  test('the same tokens stay, with the same probabilities', () => {
    const actual = [...probabilities(row, options, previous)];
    expect(actual.map((value) => value > 0)).toEqual(expected.probabilities.map((value) => value > 0));
    actual.forEach((value, id) => {
      expect(Math.abs(value - expected.probabilities[id]!), `token ${id}`).toBeLessThan(1e-6);
    });
  });

  test('the likeliest token is the same, and the logits stay as they were', () => {
    expect(createSampler(options).next(row, previous)).toBe(expected.greedy);
    expect(createSampler({ ...options, doSample: true, temperature: 0 }).next(row, previous)).toBe(expected.greedy);
    expect([...row]).toEqual(expected.logits);
  });
});

describe('drawing', () => {
  test.each([{ temperature: 0.7 }, { topK: 3 }, { topP: 0.9 }])(
    'tokens come as often as their probabilities say: %o',
    (options) => {
      const count = 20_000;
      const counts = new Array<number>(logits.length).fill(0);
      for (const id of drawn({ ...options, seed: 1 }, count)) counts[id]!++;
      const wanted = probabilities(logits, options);
      counts.forEach((seen, id) => {
        const probability = wanted[id]!;
        // Five standard deviations of a binomial distribution; never drawn where the probability is 0.
        const margin = 5 * Math.sqrt(count * probability * (1 - probability));
        expect(Math.abs(seen - count * probability), `token ${id}`).toBeLessThanOrEqual(margin);
      });
    },
  );

  test('a seed draws the same again, another seed and another stream something else', () => {
    const first = drawn({ seed: 7 }, 50);
    expect(drawn({ seed: 7 }, 50)).toEqual(first);
    expect(drawn({ seed: 8 }, 50)).not.toEqual(first);
    expect(drawn({ seed: 7 }, 50, 1)).not.toEqual(first);
    expect(drawn({ seed: 7 }, 50, 2)).not.toEqual(drawn({ seed: 7 }, 50, 1));
    expect(drawn({ seed: 7 }, 50, 1)).toEqual(drawn({ seed: 7 }, 50, 1));
    expect(drawn({}, 50)).not.toEqual(drawn({}, 50));
  });

  test('samplers of a batch do not disturb one another', () => {
    const alone = drawn({ seed: 7 }, 20);
    const [a, b] = [createSampler({ doSample: true, seed: 7 }), createSampler({ doSample: true, seed: 7 })];
    const together = Array.from({ length: 20 }, () => [a.next(logits), b.next(logits)]);
    expect(together.map(([token]) => token)).toEqual(alone);
    expect(together.map(([, token]) => token)).toEqual(alone);
  });

  test('copies of a prompt have streams of their own', () => {
    expect(rowStreams([[1, 2], [3], [1, 2], [12], [1, 2]])).toEqual([0, 0, 1, 0, 2]);
  });
});

describe('bad options are errors at the line that gave them', () => {
  test.each([
    [{ temperature: -1 }, 'The option temperature is -1, but a number from 0 on is expected.'],
    [{ temperature: Number.NaN }, 'The option temperature is NaN, but a number from 0 on is expected.'],
    [{ topK: -1 }, 'The option topK is -1, but a whole number from 0 on is expected.'],
    [{ topK: 1.5 }, 'The option topK is 1.5, but a whole number from 0 on is expected.'],
    [{ topP: 0 }, 'The option topP is 0, but a number above 0 and up to 1 is expected.'],
    [{ topP: 1.01 }, 'The option topP is 1.01, but a number above 0 and up to 1 is expected.'],
    [{ repetitionPenalty: 0 }, 'The option repetitionPenalty is 0, but a number above 0 is expected.'],
    [{ seed: 0.5 }, 'The option seed is 0.5, but a whole number is expected.'],
  ])('%o', (options, message) => {
    expect(() => createSampler(options)).toThrow(message);
    expect(() => createSampler(options)).toThrow('sampling.test.ts:');
  });

  test('logits with NaN', () => {
    expect(() => createSampler().next(Float32Array.from([1, Number.NaN]))).toThrow('contain NaN');
  });
});
