import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { loadBundle } from '../../../runtime/bundle/node.ts';
import { NNsight, requestFromJson, Tensor } from '../../../runtime/index.ts';
import { readModel } from '../../../runtime/onnx/read.ts';
import { type Base, baseManifest, baseRequest, bases, MLP } from './base.ts';
import { damageBytes, damageJson } from './damage.ts';
import { damageModel } from './damage-model.ts';
import { Random } from './random.ts';
import { withoutUnneeded } from './without-unneeded.ts';

export const KINDS = ['bytes', 'structure', 'requests', 'bundles'] as const;
export type Kind = (typeof KINDS)[number];

/**
 * `refused`: an error in this library's words. `right`: what plain ONNX Runtime gives, or, for a request, the same whole
 * and in segments. `lenient`: plain ONNX Runtime refuses the file, and gives the same once what no output needs is
 * taken out of it. `broken`: a bare error, or another result.
 */
export type Verdict = 'refused' | 'right' | 'lenient' | 'broken';

export interface Told {
  readonly verdict: Verdict;
  readonly why: string;
}

const folder = join(tmpdir(), `onnsight-fuzz-${process.pid}`);
mkdirSync(folder, { recursive: true });

/** Errors that say what is wrong with the input. */
const OURS = new Set(['ModelError', 'GraphError', 'InputError', 'TraceError', 'BundleError', 'AnswerError']);

/** The form of a bare message of ONNX Runtime. */
const BARE =
  /onnxruntime_src|Status Message|Non-zero status|Cannot read propert|is not a function|is not iterable|undefined \(/;

/** @param plain told when plain ONNX Runtime begins to run, and when it has ended: a crash there is its own */
export async function runCase(kind: Kind, seed: number, plain: (runs: boolean) => void): Promise<Told> {
  const random = new Random(seed);
  if (kind === 'requests') return runRequest(random);
  if (kind === 'bundles') return runBundle(random);
  const base = random.of(bases);
  const bytes = (kind === 'bytes' ? damageBytes : damageModel)(base.bytes, random);
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytes);
  const ask = async (asked: Uint8Array) => {
    plain(true);
    const results = await runPlain(asked, base);
    plain(false);
    return results;
  };
  const whole = await ask(bytes);
  return judge(async () => {
    // biome-ignore lint/suspicious/noExplicitAny: the modules of a damaged model are anything.
    const model: any = await NNsight.load(path, { device: 'cpu' });
    String(model);
    const inputs = Object.fromEntries(
      Object.entries(base.inputs).map(([name, { dims, data }]) => [name, Tensor.from(data, 'float32', dims)]),
    );
    const found = await model.trace(inputs);
    await model.release();
    // Who checks a whole file finds damage in what no output needs, which this library does not run.
    const expected = whole ?? (await ask(withoutUnneeded(bytes)));
    if (!expected) throw new OtherResult('it runs, and ONNX Runtime refuses what its outputs need');
    for (const [name, tensor] of Object.entries(found)) checkSame(name, tensor as Tensor, expected[name]);
    return whole ? 'right' : 'lenient';
  });
}

async function runPlain(bytes: Uint8Array, { inputs }: Base): Promise<Readonly<Record<string, OrtTensor>> | null> {
  try {
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
    const feeds = Object.entries(inputs).map(([name, { dims, data }]) => [
      name,
      new OrtTensor('float32', Float32Array.from(data), dims),
    ]);
    const results = await session.run(Object.fromEntries(feeds));
    await session.release();
    return results as Readonly<Record<string, OrtTensor>>;
  } catch {
    return null;
  }
}

/** A server keeps its models: no request may change what another one gets. */
let servers: Promise<Servers> | null = null;

interface Servers {
  readonly model: Model;
  readonly whole: Model;
  readonly hash: string;
}

type Model = Awaited<ReturnType<typeof NNsight.load>>;

async function loadServers(): Promise<Servers> {
  const load = async (segments: string): Promise<Model> => {
    process.env.ONNSIGHT_SEGMENTS = segments;
    return NNsight.load(MLP, { device: 'cpu', maxIterations: 1000 });
  };
  return { model: await load('modules'), whole: await load('off'), hash: (await readModel(MLP)).hash };
}

async function runRequest(random: Random): Promise<Told> {
  servers ??= loadServers();
  const { model, whole, hash } = await servers;
  const json = damageJson(baseRequest(hash), random);
  return judge(async () => {
    const [found, expected] = [await model.execute(requestFromJson(json)), await whole.execute(requestFromJson(json))];
    found.forEach((tensor, i) => {
      checkSame(`save ${i}`, tensor, expected[i]);
    });
    return 'right';
  });
}

/** What the MLP gives: all bundles are of it. */
let plainMlp: ReturnType<typeof runPlain> | null = null;

async function runBundle(random: Random): Promise<Told> {
  const { bytes, inputs } = bases[0]!;
  const { dims, data } = inputs.x!;
  const isOfModel = random.below(2) === 0;
  const manifest = isOfModel ? baseManifest() : damageJson(baseManifest(), random);
  const text = Buffer.from(JSON.stringify(manifest, null, 2));
  writeFileSync(join(folder, 'bundle.json'), !isOfModel && random.below(4) === 0 ? damageBytes(text, random) : text);
  writeFileSync(join(folder, 'fuzz.onnx'), isOfModel ? damageBytes(bytes, random) : bytes);
  return judge(async () => {
    const bundle = await loadBundle(folder);
    const result = (await bundle({ x: Tensor.from(data, 'float32', dims) })) as Record<string, Tensor>;
    await bundle.release();
    plainMlp ??= runPlain(bases[0]!.bytes, bases[0]!);
    const plain = await plainMlp;
    for (const found of Object.values(result ?? {})) if (found instanceof Tensor) checkSame('y', found, plain?.output);
    return 'right';
  });
}

class OtherResult extends Error {
  override readonly name = 'OtherResult';
}

type Numbers = { readonly dims: readonly number[]; readonly data: unknown };

function checkSame(name: string, found: Numbers | undefined, expected: Numbers | undefined): void {
  const list = (tensor: Numbers | undefined) =>
    tensor ? Array.from(tensor.data as ArrayLike<number | bigint>, Number) : [];
  const [a, b] = [list(found), list(expected)];
  const isNear = (x: number, y: number) =>
    Object.is(x, y) || x === y || Math.abs(x - y) <= 1e-4 * Math.max(1, Math.abs(x));
  if (found?.dims.join() === expected?.dims.join() && a.every((x, i) => isNear(x, b[i]!))) return;
  throw new OtherResult(
    `${name} is [${found?.dims}] ${a.slice(0, 4)}, and should be [${expected?.dims}] ${b.slice(0, 4)}`,
  );
}

async function judge(run: () => Promise<Verdict>): Promise<Told> {
  try {
    return { verdict: await run(), why: '' };
  } catch (error) {
    const { name, message } = error as Error;
    const why = `${name}: ${message.split('\n')[0]!.slice(0, 300)}`;
    return { verdict: OURS.has(name) && !BARE.test(message) ? 'refused' : 'broken', why };
  }
}
