/*
 * Loads a model and runs it once: node load.mjs onnsight|onnxruntime model.onnx length [vocabulary], on tokens of a
 * vocabulary, or on numbers in an input x. Prints the
 * milliseconds of both and the peak of the process's memory in bytes. Plain JavaScript, so that no TypeScript loader
 * adds to the memory; the libraries are loaded before the clock starts.
 */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

const [library, path, length, vocabulary] = process.argv.slice(2);
const dims = [1, Number(length)];
const feeds = vocabulary ? tokens(Number(vocabulary)) : { x: ['float32', new Float32Array(dims[1]).fill(0.5)] };

const milliseconds = library === 'onnsight' ? await ours() : await plain();
console.log(JSON.stringify({ milliseconds, bytes: process.resourceUsage().maxRSS * 1024 }));

function tokens(size) {
  const ids = BigInt64Array.from({ length: dims[1] }, (_, i) => BigInt((i * 7919 + 13) % size));
  return { input_ids: ['int64', ids], attention_mask: ['int64', new BigInt64Array(ids.length).fill(1n)] };
}

async function ours() {
  const { NNsight, Tensor } = await import('onnsight');
  const inputs = tensors((dtype, data) => new Tensor(dtype, dims, data));
  const start = performance.now();
  const model = await NNsight.load(path, { device: 'cpu' });
  await model.trace(inputs);
  return performance.now() - start;
}

async function plain() {
  const inputs = tensors((dtype, data) => new OrtTensor(dtype, data, dims));
  const start = performance.now();
  const session = await InferenceSession.create(path);
  await session.run(inputs);
  return performance.now() - start;
}

function tensors(make) {
  return Object.fromEntries(Object.entries(feeds).map(([name, [dtype, data]]) => [name, make(dtype, data)]));
}
