import {
  cat,
  clamp,
  crossEntropy,
  type DType,
  type Envoy,
  einsum,
  LanguageModel,
  max,
  mean,
  NNsight,
  type Operand,
  randn,
  save,
  split,
  Tensor,
  type Traced,
  tensor,
  topk,
  type ValuesAndIndices,
  variance,
  where,
  zeros,
} from 'onnsight';

/** Fails to compile unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(_: Same<A, B>): void {}

const model = await NNsight.load('model.onnx', { device: 'cpu', rename: { 'transformer.h': 'layers' } });
const result = await model.trace({ input_ids: BigInt64Array.of(1n, 2n), mask: Tensor.from([[true]]) }, (tracer) => {
  const h: Traced = model.transformer.h[0].output;
  same<ReturnType<typeof h.mean>, Traced>(true);
  h.mean(-1).sum([0, 1], true).norm(null, { p: 1, keepdim: true });
  h.var(-1, { correction: 0 }).std().amax().any().argmax(-1, true);
  mean(h, -1, { keepdim: true, dtype: 'float32' });
  variance(h);

  // A number is a dimension, a tensor is the other side.
  same<ReturnType<typeof max>, ValuesAndIndices>(true);
  const whole: Traced = max(h);
  const elementwise: Traced = max(h, whole);
  const { values, indices } = max(h, -1, true);
  const { values: best } = h.topk(5);
  topk(h, 3, -1, false).indices.gather(0, indices);
  values.save();

  // Shapes as arguments or as an array; sizes of the tensor are numbers.
  const [batch, tokens] = h.shape;
  h.view(batch!, tokens!, 12, -1).permute(0, 2, 1, 3).reshape([-1]).unsqueeze(0).expand(2, -1);
  zeros(2, 3, { dtype: 'int64' });
  zeros([2, 3]);
  randn(h.shape, { seed: 7 });
  const [q, k] = h.split(768, -1);
  split(h, [1, 2]).map((piece) => piece.relu());
  einsum('bqd,bkd->bqk', q!, k!);

  // Data beside tensors.
  const direction = new Float32Array(768);
  h.matmul([
    [1, 0],
    [0, 1],
  ])
    .add(direction)
    .add(Tensor.from([1]))
    .add(1n)
    .eq(true);
  cat([h, [[1, 2]], direction], 1);
  where(h > 0, h, 0);
  clamp(h, { min: 0 });
  clamp(h, null, 1);
  crossEntropy(h, [1, 2], { reduction: 'none' });
  const mixed: Operand = [h, 1, [2, h]];
  const picked = h[tensor([0, 2])];
  h.to('float16').to(h).float().clone().grad = 0;
  h.backward();
  for (const row of h) row.sum();
  const dtype: DType = h.dtype;
  tracer.apply((x) => x.to('float64'), h);

  // @ts-expect-error there is no such function
  h.meen();
  // @ts-expect-error a dtype is one of ONNX's
  h.to('float');
  // @ts-expect-error a text is no operand
  h.add('1');
  // @ts-expect-error the options of var are not those of sum
  h.sum(-1, { correction: 0 });
  // @ts-expect-error a shape cannot be set
  h.shape = [1];
  return {
    best: save(best),
    list: [save(elementwise), h.save()] as const,
    nested: { picked, dtype, mixed: save(mixed) },
    unsaved: h,
    maybe: h > 1 ? save(h) : undefined,
  };
});
same<typeof result.best, Tensor>(true);
same<(typeof result.list)[1], Tensor>(true);
same<typeof result.unsaved, never>(true);
same<typeof result.maybe, Tensor | undefined>(true);
same<typeof result.nested.dtype, DType>(true);

// What comes back.
const floats: Float32Array = result.best.data;
const ints: Int32Array = result.best.to('int32').data;
const exact: BigInt64Array = result.best.to('int64').data;
const truth: boolean = result.best.to('bool').item();
const number: number = result.best.item();
const row: Tensor = result.best[':, -1'];
const made: BigInt64Array = Tensor.from([1, 2], 'int64').data;
const rawOutputs = await model.trace({ x: [[1]] });
const dims: readonly number[] = rawOutputs['logits']!.dims;
const batched = await model.trace((tracer) => [tracer.invoke([[1]], () => model.lm_head.output.save())]);

// Modules.
const envoy: Envoy = model.get('transformer.h.0');
const paths: string[] = [...envoy].map((child) => child.path);
const pattern: Traced = envoy.ops.Softmax.output;
envoy.calls[0]!.output = 0;
envoy.skip(envoy.input);
envoy.outputs = [envoy.output, 0];
envoy(envoy.input, 1).save();
const language = await LanguageModel.load('toy-gpt2');
await language.trace('Hello', () => language.lm_head.output.save());
// @ts-expect-error a model without a tokenizer takes no text
await model.trace('Hello', () => 1);
// @ts-expect-error no such device
await NNsight.load('model.onnx', { device: 'tpu' });
// @ts-expect-error ragged is caught at run time, but a text is no data
Tensor.from(['a']);

export { batched, dims, exact, floats, ints, made, number, paths, pattern, row, truth };
