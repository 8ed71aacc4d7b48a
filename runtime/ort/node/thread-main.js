// @ts-check
// Plain JavaScript, for a thread has no loader: this very file runs from the source and from the built package.
import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession } from 'onnxruntime-node';

/** @typedef {import('onnxruntime-node').Tensor} Tensor */

/**
 * A tensor on its way between threads.
 * @typedef {{ type: 'float32', dims: readonly number[], data: Float32Array<ArrayBuffer> }} Sent whatever its dtype
 * @typedef {Record<string, Sent>} Outputs
 */

/**
 * What the thread can be asked for.
 * @typedef {{ kind: 'create', session: number, model: Uint8Array, options: InferenceSession.SessionOptions }} Create
 * @typedef {{ kind: 'run', session: number, feeds: Record<string, Sent>, names: readonly string[] }} Run
 * @typedef {{ kind: 'release', session: number }} Release
 * @typedef {Create | Run | Release} Task
 */

/**
 * What it answers: outputs, or a message of an error.
 * @typedef {{ id: number, outputs?: Outputs, error?: string }} Answer
 */

const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort);

/** As in thread.ts. */
const [BUSY, ENDING] = [0, 1];
const state = /** @type {Int32Array} */ (workerData);

/** @type {Map<number, InferenceSession>} */
const sessions = new Map();

let last = Promise.resolve();
port.on('message', (/** @type {{ id: number, task: Task } | 'end'} */ message) => {
  last = last.then(() => (message === 'end' ? end() : answer(message.id, message.task)));
});

/**
 * @param {number} id
 * @param {Task} task
 */
async function answer(id, task) {
  Atomics.store(state, BUSY, 1);
  try {
    if (Atomics.load(state, ENDING)) return;
    const outputs = await perform(task);
    const buffers = new Set(Object.values(outputs).map(({ data }) => data.buffer));
    port.postMessage({ id, outputs }, [...buffers]);
  } catch (error) {
    port.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  } finally {
    Atomics.store(state, BUSY, 0);
    Atomics.notify(state, BUSY);
  }
}

/**
 * @param {Task} task
 * @returns {Promise<Outputs>}
 */
async function perform(task) {
  if (task.kind === 'create') {
    sessions.set(task.session, await InferenceSession.create(task.model, task.options));
    return {};
  }
  const session = /** @type {InferenceSession} */ (sessions.get(task.session));
  if (task.kind === 'release') {
    sessions.delete(task.session);
    await session.release();
    return {};
  }
  // a Tensor would hold halves as no session can read them where the engine has arrays for them
  const feeds = map(task.feeds, (one) => /** @type {Tensor} */ ({ ...one, location: 'cpu' }));
  const results = await session.run(feeds, task.names);
  return map(/** @type {Outputs} */ (results), ({ type, dims, data }) => ({ type, dims, data }));
}

/**
 * @template A, B
 * @param {Record<string, A>} record
 * @param {(value: A) => B} change
 * @returns {Record<string, B>}
 */
function map(record, change) {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

async function end() {
  for (const session of sessions.values()) await session.release();
  port.close();
}
