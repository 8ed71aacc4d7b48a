/*
 * Loads a model and runs it once: node load.mjs onnsight|onnxruntime model.onnx tokens vocabulary. Prints the
 * milliseconds of both and the peak of the process's memory in bytes. Plain JavaScript, so that no TypeScript loader
 * adds to the memory; the libraries are loaded before the clock starts.
 */
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';

const [library, path, length, vocabulary] = process.argv.slice(2);
const dims = [1, Number(length)];
const ids = BigInt64Array.from({ length: dims[1] }, (_, i) => BigInt((i * 7919 + 13) % Number(vocabulary)));
const ones = new BigInt64Array(ids.length).fill(1n);

const milliseconds = library === 'onnsight' ? await ours() : await plain();
console.log(JSON.stringify({ milliseconds, bytes: process.resourceUsage().maxRSS * 1024 }));

async function ours() {
  const { NNsight, Tensor } = await import('onnsight');
  const inputs = { input_ids: new Tensor('int64', dims, ids), attention_mask: new Tensor('int64', dims, ones) };
  const start = performance.now();
  const model = await NNsight.load(path, { device: 'cpu' });
  await model.trace(inputs);
  return performance.now() - start;
}

async function plain() {
  const feeds = { input_ids: new OrtTensor('int64', ids, dims), attention_mask: new OrtTensor('int64', ones, dims) };
  const start = performance.now();
  const session = await InferenceSession.create(path);
  await session.run(feeds);
  return performance.now() - start;
}
