/** A process that holds one model and runs one request after the other. It may end at any time: nothing else is in it. */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { MORE_ITERATIONS } from '../runtime/execution/run-error.ts';
import {
  answerToBytes,
  answerToJson,
  GraphError,
  LanguageModel,
  type NewToken,
  NNsight,
  type ReceivedRequest,
  requestFromJson,
  type Tensor,
} from '../runtime/index.ts';
import { shareCores } from '../runtime/ort/node/options.ts';
import { KnownRequests } from '../runtime/requests/known-requests.ts';
import type { Course } from '../runtime/types/course.ts';
import { AttachedModels } from './attached-models.ts';
import { type CompletionRequest, complete } from './completion.ts';
import { loadEdits } from './edits.ts';
import { endWithParent } from './end-with-parent.ts';
import { seedOf } from './job.ts';
import type { Limits } from './limits.ts';
import type { Ended, FromProcess, Run, ToProcess } from './messages.ts';
import { CANCELLED, type Refusal } from './refusal.ts';

type Model = Pick<NNsight, 'execute'>;

/** Errors that say what is wrong with a request. */
const OURS = new Set(['DeviceError', 'GraphError', 'InputError', 'ModelError', 'TraceError', 'UsageError']);

let model: Model;
/** Whether the model, or one that traces may call beside it, draws numbers. */
let isRandom: boolean;
/** The same, if it is a language model, and its edits. */
let language: { readonly lm: LanguageModel; readonly edits: ReadonlyMap<string, LanguageModel> } | null = null;
/** The models that traces may call beside it, by their hashes. */
let others: AttachedModels;
let limits: Limits;
let requests: KnownRequests;
/** What it was told to run and has not, and how many it has. */
const queue: Queued[] = [];
let count = 0;
/** What ends the run that goes on. */
let abort = new AbortController();
/** Graphs that have run here, by their nodes: many requests have the same ones. */
const known = new WeakSet<object>();

process.on('message', async (message: ToProcess) => {
  if (message.kind === 'cancel') cancel(message.place);
  else if (message.kind === 'load') await load(message);
  else await add(message.runs);
});
// What a file of edits leaves behind and nobody awaits ends no trace of others: the log has it.
process.on('unhandledRejection', (error) => console.error(error));
// Without the server there is nobody to run for.
process.on('disconnect', () => process.exit());
endWithParent();

async function load(message: ToProcess & { kind: 'load' }): Promise<void> {
  limits = message.opening.limits;
  requests = new KnownRequests(limits);
  beFirstToGo();
  if (availableParallelism() <= FEW_CORES) shareCores();
  const options = { device: 'cpu', maxIterations: limits.iterations } as const;
  others = new AttachedModels(message.others, options);
  const { path, isLanguage } = message.model;
  isRandom = [message.model, ...message.others].some((one) => one.isRandom);
  try {
    if (isLanguage) {
      const { edits: file } = message.opening;
      const lm = await LanguageModel.load(path, options);
      model = lm;
      language = { lm, edits: file === null ? new Map() : await loadEdits(file, lm) };
    } else model = await NNsight.load(path, options);
    tell({ kind: 'loaded', refusal: null, memory: memoryNow() });
  } catch (error) {
    tell({ kind: 'loaded', refusal: refusalOf(error), memory: memoryNow() });
  }
}

/** What is to run, with others that it was told of in one message. */
interface Queued {
  readonly run: Run;
  isCancelled: boolean;
  /** What those of the message were answered that draw no numbers, by their bodies: one that asks the same gets the same. */
  readonly answered: Map<Uint8Array, Ended>;
}

function cancel(place: number): void {
  const queued = queue[place - count];
  if (!queued) return;
  queued.isCancelled = true;
  if (place === count) abort.abort();
}

async function add(runs: readonly Run[]): Promise<void> {
  const isIdle = queue.length === 0;
  const answered = new Map<Uint8Array, Ended>();
  queue.push(...runs.map((run) => ({ run, isCancelled: false, answered })));
  if (isIdle) await runAll();
}

/** Runs one after the other. What became of small ones is told together: telling takes as long as one of them. */
async function runAll(): Promise<void> {
  let ends: Ended[] = [];
  let told = performance.now();
  const tellEnds = (isNew: boolean) => {
    tell({ kind: 'ended', ends, isNew, memory: memoryNow() });
    ends = [];
    told = performance.now();
  };
  // What may take long keeps no answers back, and is known to the server if it ends this process.
  const onNew = () => {
    if (ends.length > 0 || queue.length > 1) tellEnds(true);
  };
  for (let next = queue[0]; next; next = queue[0]) {
    // It may tell those before, and begin another list.
    const ended = next.isCancelled ? { refusal: CANCELLED } : await run(next.run, next.answered, onNew);
    ends.push(ended);
    if (abort.signal.aborted) abort = new AbortController();
    queue.shift();
    count++;
    if (queue.length === 0 || performance.now() - told > HELD) tellEnds(false);
  }
}

/** @param onNew called before it runs, if nothing like it has run here */
async function run(
  { form, body, isWatched, user, id }: Run,
  answered: Queued['answered'],
  onNew: () => void,
): Promise<Ended> {
  const { signal } = abort;
  try {
    const same = answered.get(body);
    if (same) return same;
    if (form === 'completion') return await continueText(body, seedOf({ user, id }), signal);
    const read = form === 'bytes' ? requests.read(body) : requestFromJson(jsonOf(body), limits);
    const { root } = read.graph;
    if (!known.has(root)) onNew();
    const request = read.course ? withSeed(read, read.course, seedOf({ user, id })) : read;
    const onProgress = (done: number, total: number) => tell({ kind: 'progress', done, total });
    const onToken = (token: NewToken) => tell({ kind: 'token', token });
    const tensors = await model.execute(request, {
      signal,
      attached: (hash) => others.find(hash),
      ...(isWatched && { onProgress, onToken }),
    });
    const tooMuch = overBytes(tensors);
    if (tooMuch) return { refusal: tooMuch };
    known.add(root);
    const ended = {
      body: form === 'bytes' ? answerToBytes(tensors) : Buffer.from(JSON.stringify(answerToJson(tensors))),
    };
    if (!isRandom && !read.course) answered.set(body, ended);
    return ended;
  } catch (error) {
    return { refusal: signal.aborted ? CANCELLED : refusalOf(error) };
  }
}

async function continueText(body: Uint8Array, seed: number, signal: AbortSignal): Promise<Ended> {
  const asked = jsonOf(body) as CompletionRequest;
  const request = { ...asked, seed: asked.seed ?? seed };
  const { lm, edits } = language!;
  const edited = request.edit === null ? lm : edits.get(request.edit);
  if (!edited) {
    const error = `There is no edit '${request.edit}': there is ${[...edits.keys()].join(', ') || 'none'}.`;
    return { refusal: { status: 404, error } };
  }
  const completion = await complete(edited, request, (text) => tell({ kind: 'text', text }), signal);
  return { body: Buffer.from(JSON.stringify(completion)) };
}

/** A request whose generations draw their tokens by a seed, where they have none of their own. */
function withSeed(request: ReceivedRequest, course: Course, seed: number): ReceivedRequest {
  const generations = course.generations.map((one, i) => {
    const isOpen = one.sampling.doSample && one.sampling.seed === undefined;
    return isOpen ? { ...one, sampling: { ...one.sampling, seed: seed + i } } : one;
  });
  return { ...request, course: { ...course, generations } };
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new GraphError(
      `This is not a request: its body is no JSON (${error instanceof Error ? error.message : error})`,
    );
  }
}

function overBytes(tensors: readonly (Tensor | undefined)[]): Refusal | null {
  const bytes = tensors.reduce((sum, tensor) => sum + (tensor?.raw.byteLength ?? 0), 0);
  if (bytes <= limits.bytesOut) return null;
  return {
    status: 422,
    error: `The answer has ${bytes} bytes, and this server sends ${limits.bytesOut} at most. Save less: a slice, or what you compute of it.`,
  };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof Error && OURS.has(error.name)) {
    // The model was loaded by the operator.
    const message = error.message.replace(
      MORE_ITERATIONS,
      'This server allows no more: it is its limit of iterations.',
    );
    const site = (error as { site?: Refusal['site'] }).site ?? undefined;
    // The client says the line itself.
    const prefix = site ? `${site.file}:${site.line}:${site.column} - ` : '';
    return { status: 400, error: message.startsWith(prefix) ? message.slice(prefix.length) : message, site };
  }
  console.error(error);
  return { status: 500, error: 'Running it has failed within the server, whose log tells why.' };
}

/** Where the machine's memory is used up, Linux ends this process rather than the server. */
function beFirstToGo(): void {
  if (process.platform !== 'linux') return;
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // A container may have /proc read-only: then Linux chooses.
  }
}

/** So many cores are fought for by this process, the server and what is beside them. */
const FEW_CORES = 2;

/** How long what became of a run may wait for that of others, in milliseconds. */
const HELD = 25;

/** How often the memory is told at most, in milliseconds: looking takes its part of a small trace's time. */
const LOOKS = 50;

let memory = { bytes: 0, at: Number.NEGATIVE_INFINITY };

/** The process tells its memory itself: looking from outside after each trace would take as long as a small trace. */
function memoryNow(): number {
  const at = performance.now();
  if (at - memory.at > LOOKS) memory = { bytes: process.memoryUsage.rss(), at };
  return memory.bytes;
}

function tell(message: FromProcess): void {
  // Where the server has just ended, so does this process.
  process.send!(message, () => {});
}
