import { intervention, type LanguageModel, mul, norm, save } from 'onnsight';
import { loadBundle, type Tensor } from 'onnsight/bundle';
import { InferenceSession } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { DTYPES } from '../../runtime/graph/types.ts';
import { loadToy, maxDifference } from '../support/toy.ts';
import { build, compileTo, runBare, runLive, tensorsIn } from './support/build.ts';

let lm: Awaited<ReturnType<typeof loadToy>>;
const input_ids = [[0, 134, 41, 138, 165]];

beforeAll(async () => {
  lm = await loadToy();
});

/** Parameters to one who does not look at types. */
type Loose = Record<string, unknown>;

/** Names that no parameter has, and ways to read them in compiled code. */
function undeclared(): [string, (parameters: Loose) => unknown][] {
  'use trace';
  return [
    ['alhpa', ({ alhpa }) => alhpa],
    ['splice', ({ splice }) => splice],
    ['constructor', ({ constructor: one }) => one],
    ['toString', ({ toString: one }) => one],
    ['then', (parameters) => parameters.then],
    ['splice', (parameters) => parameters.splice],
    ['toJSON', (parameters) => parameters[`to${'JSON'}`]],
    ['constructor', (parameters) => parameters.constructor],
    ['length', (parameters) => parameters.length],
    ['map', (parameters) => parameters.map],
    ['tagName', (parameters) => (parameters as Loose | undefined)?.tagName],
  ];
}

const numbers = ({ data }: Tensor) => Array.from(data as ArrayLike<number>, Number);

describe('parameters', () => {
  it.each(DTYPES)('%s: a number and a tensor', async (dtype) => {
    const echo = intervention({ a: dtype, b: `${dtype}[n, 2]` }, (model: LanguageModel, { a, b }) => {
      model.transformer.h[0].output += a.float() + b.float().sum();
      return { a: save(a), b: save(b), norm: save(norm(model.transformer.h[0].output)) };
    });
    const isBool = dtype === 'bool';
    const inputs = { input_ids, a: isBool ? true : 3, b: isBool ? [[true, false]] : [[1, 0]] };
    const folder = await compileTo(echo);
    const bundle = await loadBundle<object, Record<'a' | 'b' | 'norm', Tensor>>(folder);
    const got = await bundle(inputs);
    expect(got.a.dtype).toBe(dtype);
    expect([got.a.dims, numbers(got.a)]).toEqual([[], [isBool ? 1 : 3]]);
    expect([got.b.dtype, got.b.dims, numbers(got.b)]).toEqual([dtype, [1, 2], [1, 0]]);
    const live = tensorsIn(await runLive(echo, lm, inputs));
    expect(maxDifference(numbers(got.norm), numbers(live.norm!))).toBeLessThan(1e-3);
    expect(numbers(live.a!)).toEqual(numbers(got.a));
    expect(numbers((await runBare(folder, inputs)).norm!)).toEqual(numbers(got.norm));
    // More rows than before: the dimension is free.
    expect((await bundle({ ...inputs, b: [...inputs.b, ...inputs.b] })).b.dims).toEqual([2, 2]);
    await bundle.release();
  });

  const pick = intervention(
    { position: 'int64', gain: 'float32[128]', ids: 'int64[batch, sequence]' },
    (model: LanguageModel, { position, gain, ids }) => {
      model.transformer.h[1].output *= gain;
      return { row: save(model.transformer.h[1].output[0][position]), ids: save(ids + 1) };
    },
  );

  it('of other sizes than fit are refused, by name', async () => {
    const bundle = await loadBundle(await compileTo(pick));
    const gain = Array.from({ length: 128 }, () => 2);
    const given = { input_ids, position: 1, gain, ids: input_ids };
    await expect(bundle({ ...given, gain: [1, 2] })).rejects.toThrow(/gain \(float32\[128\]\) must have size 128/);
    await expect(bundle({ ...given, position: 0.5 })).rejects.toThrow(/position \(int64\[\]\).*float32 values/);
    await expect(bundle({ ...given, position: [1] })).rejects.toThrow(/position \(int64\[\]\) has 0 dimensions/);
    await expect(bundle({ ...given, ids: [[1, 2]] })).rejects.toThrow(/'sequence' is 5 in one and 2/);
    await expect(bundle({ ...given, alpha: 1 })).rejects.toThrow(/no input 'alpha'.*position \(int64\[\]\)/);
    const { gain: _, ...rest } = given;
    await expect(bundle(rest)).rejects.toThrow(/Missing inputs: gain \(float32\[128\]\)/);
    await expect(bundle({ ...given, position: 77 })).rejects.toThrow(/parameters\.test\.ts:\d+:\d+ - .*could not run/);
  });

  it('are refused where nothing depends on them, where they are no dtype, and where the model has that name', async () => {
    const unread = intervention({ alpha: 'float32' }, (model: LanguageModel) => save(model.lm_head.output));
    await expect(build(unread)).rejects.toThrow(/depends on its parameter 'alpha'/);
    const taken = intervention({ input_ids: 'int64' }, (model: LanguageModel, { input_ids: own }) =>
      save(model.lm_head.output * own),
    );
    await expect(build(taken)).rejects.toThrow(/'input_ids' has the name of an input of model.onnx/);
    expect(() => intervention({ alpha: 'float' as 'float32' }, () => 0)).toThrow(
      /parameters\.test\.ts:\d+:\d+ - The parameter 'alpha' is declared as "float".*'float32\[128\]'/,
    );
    expect(() => intervention({ alpha: 'float32[a b]' }, () => 0)).toThrow(/"float32\[a b\]"/);
    expect(() => intervention({ '': 'float32' }, () => 0)).toThrow(/:\d+ - A parameter has no name/);
  });

  it.each(undeclared())('that were not declared are errors, whatever their name: %s', async (name, read) => {
    const one = intervention({ alpha: 'float32' }, (model: LanguageModel, parameters) => {
      read(parameters as unknown as Loose);
      return save(model.lm_head.output * parameters.alpha);
    });
    const message = new RegExp(
      `^test/bundle/parameters\\.test\\.ts:\\d+:\\d+ - The intervention has no parameter '${name}'.* It has alpha`,
    );
    await expect(build(one)).rejects.toThrow(message);
  });

  it('are an object like others to what asks for nothing that is not there', async () => {
    const one = intervention({ alpha: 'float32' }, (model: LanguageModel, parameters) => {
      const { alpha, ...rest } = parameters;
      const known = [
        Object.keys(parameters),
        'beta' in parameters,
        Object.hasOwn(parameters, 'alpha'),
        Object.keys(rest),
      ];
      return { a: save(model.lm_head.output * alpha), known: JSON.stringify(known) };
    });
    const { manifest } = await build(one);
    expect(manifest.returns).toMatchObject({ fields: { known: { value: '[["alpha"],false,true,[]]' } } });
  });

  it('are refused live, too', async () => {
    const scale = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
      model.transformer.h[0].output *= alpha;
      return save(model.lm_head.output['0, -1']);
    });
    await expect(scale(lm, { input_ids } as never)).rejects.toThrow(/Missing inputs: alpha \(float32\[\]\)/);
    await expect(scale(lm, { input_ids }, { alpha: 2, beta: 1 } as never)).rejects.toThrow(/no parameter 'beta'/);
    const apart = await scale(lm, 'The Eiffel Tower is in the city of', { alpha: 2 });
    const { ids } = lm.tokenizer.encode('The Eiffel Tower is in the city of');
    expect(numbers(await scale(lm, { input_ids: [ids], alpha: 2 }))).toEqual(numbers(apart));
    const inside = await lm.trace([ids], () => scale.inside(lm, { alpha: 2 }));
    expect(maxDifference(numbers(inside), numbers(apart))).toBeLessThan(1e-5);
  });
});

describe('data that the block captures', () => {
  it('is inside of the model, and the same data makes the same bytes', async () => {
    const make = () => {
      const direction = Float32Array.from({ length: 128 }, (_, i) => Math.cos(i));
      return intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
        model.transformer.h[1].output += mul(direction, alpha);
        return { logits: save(model.lm_head.output['0, -1']) };
      });
    };
    const [first, second] = [await build(make()), await build(make())];
    expect(Buffer.compare(first.model, second.model)).toBe(0);
    expect(JSON.stringify(first.manifest)).toBe(JSON.stringify(second.manifest));
    const folder = await compileTo(make());
    const bundle = await loadBundle<object, { logits: Tensor }>(folder);
    const live = tensorsIn(await runLive(make(), lm, { input_ids, alpha: 3 }));
    const { logits } = await bundle({ input_ids, alpha: 3 });
    expect(maxDifference(numbers(logits), numbers(live.logits!))).toBeLessThan(1e-4);
    const none = await bundle({ input_ids, alpha: 0 });
    expect(maxDifference(numbers(none.logits), numbers(logits))).toBeGreaterThan(0.1);
  });
});

it('free sizes of outputs have the names that inputs, parameters and outputs of the model have for them', async () => {
  const sizes = intervention({ rows: 'float32[n, 128]' }, (model: LanguageModel, { rows }) => {
    const { output } = model.transformer.h[1];
    return {
      logits: save(model.lm_head.output),
      half: save(output * 0.5),
      norms: save(norm(rows, 2, -1)),
      caches: save(model.outputs[1]),
    };
  });
  const { manifest } = await build(sizes);
  const dims = [['batch', 'sequence', 189], ['batch', 'sequence', 128], ['n'], ['batch', 4, 'total', 32]];
  expect(manifest.outputs.map((one) => one.dims)).toEqual(dims);
  const session = await InferenceSession.create(
    Buffer.from((await build(sizes, undefined, { weights: 'embed' })).model),
  );
  expect(session.outputMetadata.map((one) => (one.isTensor ? one.shape : null))).toEqual(dims);
  await session.release();
});
