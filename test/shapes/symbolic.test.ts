import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { inferTypes } from '../../runtime/shapes/infer.ts';
import { type SymbolicTypes, symbolicTypes } from '../../runtime/shapes/symbolic.ts';
import { TensorTypes } from '../../runtime/shapes/tensor-types.ts';
import { FILES, modelPath, TOY } from '../support/fixtures.ts';
import { graphModel } from '../support/models.ts';

interface Given {
  readonly rows: number;
  readonly length: number;
  readonly past: number;
}

/** What the free dimensions of the models are, by the names their exporters gave them. */
const MEANING: Readonly<Record<string, (given: Given) => number>> = {
  ...Object.fromEntries(['batch', 's43', 's72', 's77', 's99'].map((name) => [name, ({ rows }: Given) => rows])),
  ...Object.fromEntries(['seq', 'sequence', 's27', 's53', 's70'].map((name) => [name, ({ length }: Given) => length])),
  past: ({ past }) => past,
  total: ({ length, past }) => length + past,
};

const CORNERS: readonly Given[] = [
  { rows: 1, length: 1, past: 0 },
  { rows: 1, length: 1, past: 9 },
  { rows: 4, length: 1, past: 0 },
  { rows: 1, length: 12, past: 3 },
  { rows: 2, length: 10, past: 10 },
];
const RANDOM = fc.sample(
  fc.record({ rows: fc.integer({ min: 1, max: 20 }), length: fc.integer({ min: 1, max: 30 }), past: fc.nat(30) }),
  { numRuns: 3, seed: 7 },
);

function dimsFor(model: OnnxModel, given: Given): Record<string, number[]> {
  return Object.fromEntries(
    model.inputs.map(({ name, dims }) => [
      name,
      dims!.map((dim) => (typeof dim === 'string' ? MEANING[dim]!(given) : dim!)),
    ]),
  );
}

const PATHS = [TOY, ...FILES.map(([name, exporter]) => modelPath(name, exporter))];

describe('formulas', () => {
  test.each(PATHS)("agree with ONNX Runtime's inference at every size: %s", async (path) => {
    const model = await readModel(path);
    const symbolic = await symbolicTypes(model);
    expect(symbolic.complete).toBe(true);
    for (const given of [...CORNERS, ...RANDOM]) {
      const dims = dimsFor(model, given);
      const sizes = symbolic.sizes(dims);
      for (const [tensor, type] of await inferTypes(model, dims)) {
        expect(symbolic.type(tensor, sizes), `${tensor} at ${JSON.stringify(given)}`).toEqual(type);
      }
    }
  });

  test('of the toy GPT-2 are in the words of its file', async () => {
    const symbolic = await symbolicTypes(await readModel(TOY));
    expect(symbolic.symbols).toEqual(['batch', 'sequence', 'past']);
    expect(symbolic.batch).toBe('batch');
    expect(text(symbolic, 'logits')).toEqual(['batch', 'sequence', '189']);
    expect(text(symbolic, 'attention_mask')).toEqual(['batch', 'sequence + past']);
    expect(text(symbolic, '/transformer/h.2/attn/Softmax_output_0')).toEqual([
      'batch',
      '4',
      'sequence',
      'sequence + past',
    ]);
  });

  test('give the dims that do not depend on an unknown size', async () => {
    const symbolic = await symbolicTypes(await readModel(TOY));
    const sizes = symbolic.sizes({ input_ids: [2, 7] });
    expect([...sizes]).toEqual([
      ['batch', 2],
      ['sequence', 7],
      ['past', null],
    ]);
    expect(symbolic.type('/transformer/h.2/attn/Softmax_output_0', sizes)).toEqual({
      dtype: 'float32',
      shape: [2, 4, 7, null],
    });
    expect(symbolic.type('no such tensor', sizes)).toBeUndefined();
    expect(symbolic.formulas('no such tensor')).toBeNull();
  });

  test('are worked out once', async () => {
    const types = new TensorTypes(await readModel(TOY));
    expect(await types.symbolic()).toBe(await types.symbolic());
  });
});

describe('sizes', () => {
  test('of the past follow from the length of the mask', async () => {
    const symbolic = await symbolicTypes(await readModel(TOY));
    const sizes = symbolic.sizes({ input_ids: [2, 7], attention_mask: [2, 10] });
    expect(sizes.get('past')).toBe(3);
  });

  test('that contradict each other are unknown', async () => {
    const symbolic = await symbolicTypes(await readModel(TOY));
    const rows = symbolic.sizes({ input_ids: [2, 7], position_ids: [1, 7] });
    expect([rows.get('batch'), rows.get('sequence')]).toEqual([null, 7]);
    const short = symbolic.sizes({ input_ids: [2, 7], attention_mask: [2, 6] });
    expect([short.get('batch'), short.get('past')]).toEqual([2, null]);
  });

  test('by names that are sums', async () => {
    const model = graphModel({ mask: ['n', 'past + seq'], old: ['n', 'past', 4], fresh: ['n', 'seq', 4] }, [
      ['Concat', ['old', 'fresh'], 'both', { axis: 1 }],
    ]);
    const symbolic = await symbolicTypes(model);
    expect(symbolic.batch).toBe('n');
    expect(text(symbolic, 'both')).toEqual(['n', 'past + seq', '4']);
    expect(symbolic.type('both', symbolic.sizes({ mask: [2, 9], old: [2, null, 4], fresh: [2, 3, 4] }))?.shape).toEqual(
      [2, 9, 4],
    );
  });

  test('without names: the first is that of the batch in all inputs, the others are their own', async () => {
    const model = graphModel({ x: [null, null], y: [null, null] }, [['Concat', ['x', 'y'], 'both', { axis: 1 }]]);
    const symbolic = await symbolicTypes(model);
    expect(symbolic.symbols).toEqual(['batch', 'x:1', 'y:1']);
    expect(text(symbolic, 'both')).toEqual(['batch', 'x:1 + y:1']);
  });

  test('of names that must be equal, though the file does not say so', async () => {
    const model = graphModel({ x: ['s1', 3], y: ['s2', 3] }, [['Concat', ['x', 'y'], 'both', { axis: 1 }]]);
    const symbolic = await symbolicTypes(model);
    expect(text(symbolic, 'both')).toEqual(['s1', '6']);
    expect(symbolic.sizes({ x: [2, 3], y: [4, 3] }).get('s1')).toBeNull();
  });
});

describe('no formula', () => {
  test('for a size that is rounded, nor for what it is doubled to', async () => {
    const model = graphModel(
      { x: ['batch', 3, 'length'] },
      [
        ['AveragePool', ['x'], 'half', { kernel_shape: [2], strides: [2] }],
        ['Resize', ['half', '', 'float_scales'], 'doubled'],
      ],
      { float_scales: [1, 1, 2] },
    );
    const symbolic = await symbolicTypes(model);
    expect(symbolic.complete).toBe(false);
    expect(text(symbolic, 'half')).toEqual(['batch', '3', null]);
    expect(text(symbolic, 'doubled')).toEqual(['batch', '3', null]);
  });

  test('for a size that is clipped; where that is beyond the sizes tried, for those only', async () => {
    const model = graphModel(
      { x: ['batch', 'length'] },
      [
        ['Slice', ['x', 'start', 'short', 'axis'], 'first'],
        ['Slice', ['x', 'start', 'long', 'axis'], 'most'],
      ],
      { start: [0], short: [10], long: [100], axis: [1] },
    );
    const symbolic = await symbolicTypes(model);
    expect(text(symbolic, 'first')).toEqual(['batch', null]);
    expect(symbolic.type('most', symbolic.sizes({ x: [2, 100] }))?.shape).toEqual([2, 100]);
    expect(symbolic.type('most', symbolic.sizes({ x: [2, 101] }))?.shape).toEqual([2, null]);
  });

  test('where the number of dimensions changes with the sizes', async () => {
    const symbolic = await symbolicTypes(graphModel({ x: ['batch', 4] }, [['Squeeze', ['x'], 'y']]));
    expect(symbolic.formulas('y')).toBeNull();
    expect(symbolic.type('y', symbolic.sizes({ x: [1, 4] }))).toEqual({ dtype: 'float32', shape: null });
  });

  test('where the model refuses all sizes', async () => {
    const model = graphModel({ x: ['batch', 5], y: [4, 2] }, [['MatMul', ['x', 'y'], 'z']]);
    const symbolic = await symbolicTypes(model);
    expect(symbolic.complete).toBe(false);
    expect(symbolic.batch).toBe('batch');
    expect(symbolic.type('z', symbolic.sizes({ x: [2, 5] }))).toBeUndefined();
  });
});

describe('pictures', () => {
  test('whose sizes must be even have formulas for multiples', async () => {
    const model = graphModel(
      { x: ['batch', 3, 'height', 'width'] },
      [
        ['AveragePool', ['x'], 'half', { kernel_shape: [2, 2], strides: [2, 2] }],
        ['Resize', ['half', '', 'float_scales'], 'doubled'],
        ['Concat', ['x', 'doubled'], 'both', { axis: 1 }],
      ],
      { float_scales: [1, 1, 2, 2] },
    );
    const symbolic = await symbolicTypes(model);
    expect(text(symbolic, 'both')).toEqual(['batch', '6', 'height', 'width']);
    const sizes = symbolic.sizes({ x: [2, 3, 64, 65] });
    expect(symbolic.type('both', sizes)?.shape).toEqual([2, 6, 64, null]);
  });

  test('that must be square have one size', async () => {
    const model = graphModel({ x: ['batch', 'height', 'width'] }, [['MatMul', ['x', 'x'], 'y']]);
    const symbolic = await symbolicTypes(model);
    expect(text(symbolic, 'y')).toEqual(['batch', 'height', 'height']);
    expect(symbolic.type('y', symbolic.sizes({ x: [2, 5, 5] }))?.shape).toEqual([2, 5, 5]);
    expect(symbolic.type('y', symbolic.sizes({ x: [2, 5, 6] }))?.shape).toEqual([2, null, null]);
  });
});

function text(symbolic: SymbolicTypes, tensor: string): (string | null)[] | undefined {
  return symbolic.formulas(tensor)?.map((formula) => {
    if (formula === null) return null;
    const terms = formula.terms.map(({ coefficient, symbols }) =>
      [...(coefficient === 1 ? [] : [coefficient]), ...symbols].join('·'),
    );
    return [...terms, ...(formula.constant === 0 && terms.length > 0 ? [] : [formula.constant])].join(' + ');
  });
}
