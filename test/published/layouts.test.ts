import { readFileSync } from 'node:fs';
import { cos, cumsum, flatten, grad, NNsight, onesLike, save, sum, Tensor, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { fixturePath } from './fixture-path.ts';

interface Values {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

/** What a module takes or gives in PyTorch: its value, its gradient, and the model's output where it is half as much again. */
interface Place {
  readonly path: string;
  readonly port: 'input' | 'output';
  readonly value: Values;
  readonly grad: Values;
  readonly written: Values;
}

interface Reference {
  readonly x: Values;
  readonly output: Values;
  readonly places: readonly Place[];
}

const near = ({ dims, data }: Tensor, expected: Values) => {
  expect(dims).toEqual(expected.dims);
  const scale = Math.max(...expected.data.map(Math.abs));
  const far = Math.max(...Array.from(data as Float32Array, (one, i) => Math.abs(one - expected.data[i]!)));
  expect(far / scale).toBeLessThan(1e-4);
};

const named = (places: readonly Place[]) => places.map((place) => [`${place.path}.${place.port}`, place] as const);

/** What stands on the way of a transposition that ONNX Runtime has moved from one module into the next. */
const MOVED: Readonly<Record<string, readonly string[]>> = {
  pictures: ['encoder.output', 'encoder.layers.0.output', 'norm.input'],
  'pictures-deep': ['encoder.output', 'encoder.layers.2.output', 'norm.input'],
  mixer: ['out.input'],
  tokens: [],
};

describe.each(Object.entries(MOVED))('%s, whose transpositions ONNX Runtime has moved', async (name, moved) => {
  const reference: Reference = JSON.parse(readFileSync(fixturePath(`layouts/${name}.json`), 'utf8'));
  const x = Tensor.from([...reference.x.data], 'float32', [...reference.x.dims]);
  const model = await NNsight.load(fixturePath(`layouts/${name}.onnx`), { device: 'cpu' });
  const places = named(reference.places);

  it('gives what PyTorch gives', async () => {
    near(await model.trace(x, () => save(model.output as unknown as Traced)), reference.output);
  });

  it.each(places.filter(([place]) => !moved.includes(place)))(
    '%s is read and written and has the gradient as in PyTorch',
    async (_, { path, port, ...expected }) => {
      const { value, gradient } = await model.trace(x, () => {
        const tensor = port === 'input' ? model.get(path).input : model.get(path).output;
        const flat = flatten(model.output as unknown as Traced);
        const [one] = grad(sum(flat * cos(cumsum(onesLike(flat), 0) - 1)), [tensor]);
        return { value: save(tensor), gradient: save(one!) };
      });
      near(value, expected.value);
      near(gradient, expected.grad);
      const written = await model.trace(x, () => {
        const module = model.get(path);
        if (port === 'input') module.input *= 1.5;
        else module.output *= 1.5;
        return save(model.output as unknown as Traced);
      });
      near(written, expected.written);
    },
  );

  if (moved.length > 0) {
    it.each(places.filter(([place]) => moved.includes(place)))(
      '%s has its dims in another order, and says so',
      async (_, { path, port }) => {
        const words = `'${path}' has its ${port} with the dims in another order`;
        const read = () =>
          model.trace(x, () => save(port === 'input' ? model.get(path).input : model.get(path).output));
        await expect(read()).rejects.toThrow(new RegExp(`layouts\\.test\\.ts:\\d+:\\d+ - ${words}`));
      },
    );
  }
});
