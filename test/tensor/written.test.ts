/** What a program writes to the elements of a tensor is what the tensor holds from then on. */
import { add, eq, logicalNot, NNsight, Parameter, SGD, save, sum, Tensor, tensor } from 'onnsight';
import { expect, it } from 'vitest';
import { modelPath } from '../support/fixtures.ts';

const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
/** What a block reads of a tensor from outside. */
const inBlock = async (given: unknown) =>
  (await model.trace({ x }, () => save(model.layer1.output['0, 0'] * 0 + (given as number)))).toArray();

for (const dtype of ['float16', 'float32', 'float64'] as const) {
  // torch.tensor([1, 2, 3], dtype=…); t[0] = 0.1; t.tolist()
  const first = { float16: 0.0999755859375, float32: 0.10000000149011612, float64: 0.1 }[dtype];

  it(`of ${dtype}, wherever it is read`, async () => {
    const given = Tensor.from([1, 2, 3], dtype);
    const view = given.reshape(3, 1) as Tensor<typeof dtype>;
    expect(given.data[1]).toBe(2);
    given.data[0] = 0.1;
    expect(view.toArray()).toEqual([[first], [2], [3]]);
    expect([given.toArray(), (given[0] as Tensor).item(), add(given, 0).toArray()]).toEqual([
      [first, 2, 3],
      first,
      [first, 2, 3],
    ]);
    expect(JSON.parse(JSON.stringify(given)).data).toEqual([first, 2, 3]);
    expect(await inBlock(given)).toEqual([first, 2, 3]);
    expect(given.to('float64').toArray()).toEqual([first, 2, 3]);
    given.data[0] = 4;
    expect([String(given), await inBlock(given)]).toEqual([expect.stringContaining('4., 2., 3.'), [4, 2, 3]]);
    view.data[2] = 8;
    expect([given.data[2], given.toArray()]).toEqual([8, [4, 2, 8]]);
  });

  it(`of a parameter of ${dtype}, which training changes, too`, async () => {
    const parameter = new Parameter([1, 2], dtype);
    parameter.data[0] = 5;
    expect([parameter.toArray(), await inBlock(parameter)]).toEqual([
      [5, 2],
      [5, 2],
    ]);
    // torch: p.grad = torch.tensor([1., 1.]); torch.optim.SGD([p], lr=0.5).step(); p.tolist()
    const { data } = parameter;
    parameter.grad = Tensor.from([1, 1], dtype);
    new SGD([parameter], { lr: 0.5 }).step();
    expect([[...parameter.data], [...data], parameter.toArray()]).toEqual(Array(3).fill([4.5, 1.5]));
  });
}

it('as numbers of halves, or as their bits', () => {
  const given = Tensor.from([1, Number.NaN, 3], 'float16');
  expect([...given.data]).toEqual([1, Number.NaN, 3]);
  given.raw[0] = 0xc000;
  expect([...given.data]).toEqual([-2, Number.NaN, 3]);
  given.data[2] = 0.5;
  expect([...given.raw]).toEqual([0xc000, 0x7e00, 0x3800]);
  expect([...tensor([given, given]).data]).toEqual([-2, Number.NaN, 0.5, -2, Number.NaN, 0.5]);
});

it('and nothing else of it is written to: torch.Size has no setters either', () => {
  const dims = [2, 3];
  const given = new Tensor('float32', dims, new Float32Array(6));
  dims.reverse();
  expect(given.dims).toEqual([2, 3]);
  expect(() => (given.dims as number[]).reverse()).toThrow(TypeError);
  expect(() => (given.shape as number[]).push(1)).toThrow(TypeError);
  for (const [name, value] of Object.entries({ dims: [3, 2], shape: [6], dtype: 'int32', raw: new Float32Array(6) })) {
    expect(() => Object.assign(given, { [name]: value })).toThrow(`the ${name} of a tensor cannot be assigned`);
  }
});

it('of truths: all but 0 are true', async () => {
  const given = Tensor.from([true, false, true], 'bool');
  given.data[0] = 7;
  // t = torch.tensor([True, False, True]); t[0] = 7
  expect(given.toArray()).toEqual([true, false, true]);
  expect([given.to('float32').toArray(), given.float().toArray()]).toEqual([
    [1, 0, 1],
    [1, 0, 1],
  ]);
  expect([sum(given).item(), logicalNot(given).toArray(), eq(given, true).toArray()]).toEqual([
    2,
    [false, true, false],
    [true, false, true],
  ]);
  expect(await inBlock(given)).toEqual([1, 0, 1]);
});
