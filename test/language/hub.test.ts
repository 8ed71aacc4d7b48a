import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, save } from 'onnsight';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { modelFolder } from '../../runtime/language/hub.ts';
import { isCommit, isContentHash, isInside } from '../../runtime/language/hub-names.ts';
import { ModelError } from '../../runtime/onnx/error.ts';
import { decodeForeignModel, encodeModel } from '../../runtime/onnx/proto.ts';
import { inFile } from '../support/external.ts';
import { TOY } from '../support/toy.ts';
import { FakeHub } from './fake-hub.ts';

const ID = 'tiny-lab/toy-gpt2';
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const toyFile = (name: string) => readFileSync(join(TOY, name));
const TOY_FILES = {
  'README.md': Buffer.from('# Toy'),
  'config.json': toyFile('config.json'),
  'model.safetensors': Buffer.alloc(10),
  'onnx/model.onnx': toyFile('model.onnx'),
  'onnx/model_fp16.onnx': Buffer.from('half'),
  'onnx/model_fp16.onnx_data': Buffer.from('halves'),
  'tokenizer.json': toyFile('tokenizer.json'),
  'tokenizer_config.json': toyFile('tokenizer_config.json'),
};

const hub = new FakeHub();
let url: string;
let home: string;

beforeAll(async () => {
  url = await hub.open();
});
afterAll(() => hub.close());

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hub-'));
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'HF_TOKEN']) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_ENDPOINT', url);
  hub.repositories.clear();
  hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES });
  hub.requests.length = 0;
  hub.authorizations.clear();
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

/** Every file below a folder, with what it links to. */
function layout(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const entries = paths.map((path): [string, string] | null => {
    const stat = lstatSync(join(folder, path));
    if (stat.isSymbolicLink()) return [path, `-> ${readlinkSync(join(folder, path))}`];
    return stat.isFile() ? [path, `${stat.size} bytes`] : null;
  });
  return Object.fromEntries(entries.filter((entry) => entry !== null));
}

/** A port that was open a moment ago and no longer is. */
async function closedHub(): Promise<string> {
  const gone = new FakeHub();
  const address = await gone.open();
  await gone.close();
  return address;
}

describe('a model of the hub', () => {
  test('an existing folder is itself, and the hub is not asked', async () => {
    expect(await modelFolder(TOY)).toBe(TOY);
    expect(hub.requests).toEqual([]);
  });

  test('lies in the cache as the Python library lays it, and nothing it does not need with it', async () => {
    const folder = await modelFolder(ID);
    expect(folder).toBe(join(home, 'hub', 'models--tiny-lab--toy-gpt2', 'snapshots', COMMIT));
    const python = JSON.parse(readFileSync(new URL('../fixtures/language/hub-layout.json', import.meta.url), 'utf8'));
    expect(layout(join(home, 'hub', 'models--tiny-lab--toy-gpt2'))).toEqual(python);
  });

  test('opens and runs from there, through its links', async () => {
    const folder = await modelFolder(ID);
    const run = async (path: string) => {
      const model = await NNsight.load(path, { device: 'cpu' });
      const { logits } = await model.trace({ input_ids: [[1, 2, 3]] }, () => ({ logits: model.output.save() }));
      return logits.toArray();
    };
    const here = await run(join(TOY, 'model.onnx'));
    const there = await run(join(folder, 'onnx/model.onnx'));
    expect(there).toEqual(here);
  });

  test('is not fetched twice, and is found without a network', async () => {
    const folder = await modelFolder(ID);
    hub.requests.length = 0;
    expect(await modelFolder(ID)).toBe(folder);
    expect(hub.requests.filter((request) => request.includes('/resolve/'))).toEqual([]);

    vi.stubEnv('HF_ENDPOINT', await closedHub());
    expect(await modelFolder(ID)).toBe(folder);

    vi.stubEnv('HF_ENDPOINT', url);
    hub.requests.length = 0;
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    expect(await modelFolder(ID)).toBe(folder);
    vi.stubEnv('HF_HUB_OFFLINE', undefined);
    expect(await modelFolder(ID, { localFilesOnly: true, revision: COMMIT })).toBe(folder);
    expect(hub.requests).toEqual([]);
  });

  test('is found when the hub is out of order', async () => {
    const folder = await modelFolder(ID);
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES, status: 503 });
    expect(await modelFolder(ID)).toBe(folder);
  });

  test('a new commit fetches only what changed', async () => {
    await modelFolder(ID);
    const next = 'f'.repeat(40);
    hub.repositories.set(ID, { commit: next, files: { ...TOY_FILES, 'config.json': Buffer.from('{}') } });
    hub.requests.length = 0;
    const folder = await modelFolder(ID);
    expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{}');
    const fetched = hub.requests.filter((request) => request.includes('/resolve/'));
    expect(new Set(fetched)).toEqual(new Set([`GET /${ID}/resolve/${next}/config.json`]));
  });

  test('another .onnx file comes with its external data', async () => {
    const folder = await modelFolder(ID, { file: 'onnx/model_fp16.onnx', revision: COMMIT });
    expect(readdirSync(join(folder, 'onnx')).sort()).toEqual(['model_fp16.onnx', 'model_fp16.onnx_data']);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    await expect(modelFolder(ID, { revision: COMMIT, file: 'onnx/model.onnx' })).rejects.toThrow('is not in the cache');
  });

  test('weights come with a graph whatever their files are called, and the graph stands there last', async () => {
    const { graph, ...proto } = decodeForeignModel(TOY_FILES['onnx/model.onnx']);
    const parts: Uint8Array[] = [];
    let end = 0;
    const initializer = graph!.initializer.map((tensor) => {
      const { length } = tensor.rawData;
      if (length < 2000) return tensor;
      parts.push(tensor.rawData);
      end += length;
      return inFile(tensor, 'all weights.bin', end - length, length);
    });
    const weights = Buffer.concat(parts);
    const files = {
      'config.json': TOY_FILES['config.json'],
      'onnx/model.onnx': Buffer.from(encodeModel({ ...proto, graph: { ...graph!, initializer } })),
      'onnx/all weights.bin': weights,
      'onnx/others.bin': Buffer.from('not needed'),
    };
    hub.repositories.set(ID, { commit: COMMIT, files });
    const seen: { file: string; loaded: number; total: number }[] = [];
    const folder = await modelFolder(ID, { progress: (progress) => seen.push(progress) });
    expect(readdirSync(join(folder, 'onnx')).sort()).toEqual(['all weights.bin', 'model.onnx']);
    const sum = files['config.json'].length + files['onnx/model.onnx'].length + weights.length;
    expect(seen.at(-1)).toEqual({ file: 'onnx/all weights.bin', loaded: sum, total: sum });
    const run = async (path: string) => {
      const model = await NNsight.load(path, { device: 'cpu' });
      return (await model.trace({ input_ids: [[1, 2, 3]] }, () => save(model.output))).toArray();
    };
    expect(await run(join(folder, 'onnx/model.onnx'))).toEqual(await run(join(TOY, 'model.onnx')));
    // without the weights nothing stands under the graph's name
    const next = 'e'.repeat(40);
    const other = { ...files, 'onnx/all weights.bin': Buffer.from(weights).fill(1, 0, 4) };
    hub.repositories.set(ID, { commit: next, files: other, damaged: 'onnx/all weights.bin' });
    await expect(modelFolder(ID, { revision: next })).rejects.toThrow();
    expect(existsSync(join(folder, '..', next, 'onnx/model.onnx'))).toBe(false);
  });

  test('progress counts every byte of every file once', async () => {
    const seen: { file: string; loaded: number; total: number }[] = [];
    await modelFolder(ID, { progress: (progress) => seen.push(progress) });
    const needed = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'] as const;
    const total = needed.reduce((sum, name) => sum + TOY_FILES[name].length, 0);
    expect([...new Set(seen.map(({ file }) => file))]).toEqual(needed);
    expect(seen.at(-1)).toEqual({ file: 'onnx/model.onnx', loaded: total, total });
  });

  test('the token goes along: the option, or the environment', async () => {
    await modelFolder(ID, { token: 'hf_option' });
    vi.stubEnv('HF_TOKEN', 'hf_environment');
    await modelFolder(ID);
    expect([...hub.authorizations]).toEqual(['Bearer hf_option', 'Bearer hf_environment']);
  });

  test.each([
    ['a commit that leads elsewhere', { commit: '../../../../victim' }, /names a commit of .* that is none/],
    [
      'a path from the root',
      { files: { ...TOY_FILES, '/etc/x.json': Buffer.from('{}') } },
      /whose path leads elsewhere: "\/etc/,
    ],
    [
      'a path that leads out',
      { files: { ...TOY_FILES, 'a/../../x.json': Buffer.from('{}') } },
      /whose path leads elsewhere/,
    ],
    ['a path of Windows', { files: { ...TOY_FILES, 'C:\\x.json': Buffer.from('{}') } }, /whose path leads elsewhere/],
    ['a size that is a text', { listed: { size: '5', lfs: undefined } }, /gives README\.md a size that is none: "5"/],
    [
      'a size without end',
      { listed: { size: 1e300, lfs: undefined } },
      /gives README\.md a size that is none: 1e\+300/,
    ],
    ['no size', { listed: { size: null, lfs: undefined } }, /gives README\.md a size that is none: null/],
    ['a list that begins again', { next: 'again' }, /lists README\.md twice/],
    ['a list that goes on without files', { files: {}, next: 'again' }, /lists files on more than 1000 pages/],
  ])('nothing is written for %s', async (_, change, says) => {
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES, ...change });
    await expect(modelFolder(ID)).rejects.toThrow(ModelError);
    await expect(modelFolder(ID)).rejects.toThrow(says);
    expect(existsSync(join(home, 'hub', 'models--tiny-lab--toy-gpt2'))).toBe(false);
  });

  test('a list of files that goes on at another host takes no token there', async () => {
    const other = new FakeHub();
    const next = `${await other.open()}/api/models/${ID}/tree/${COMMIT}`;
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES, next });
    await expect(modelFolder(ID, { token: 'hf_secret' })).rejects.toThrow(`${url} leads to another host: ${next}`);
    await other.close();
    expect(other.requests).toEqual([]);
  });

  test('a hash has the form of one', () => {
    for (const good of ['a'.repeat(40), 'f'.repeat(64)]) expect(isContentHash(good)).toBe(true);
    for (const bad of [
      '',
      'a'.repeat(41),
      '../../victim/secret.txt',
      `${'a'.repeat(40)}\n`,
      'A'.repeat(40),
      ['a'.repeat(40)],
      5,
    ]) {
      expect(isContentHash(bad)).toBe(false);
      expect(isCommit(bad)).toBe(false);
    }
    expect(isInside(['../x'])).toBe(false);
  });

  test('a revision stays in the cache', async () => {
    await expect(modelFolder(ID, { revision: '../../victim' })).rejects.toThrow(/is no revision of/);
  });

  test('a callback that rejects ends the download', async () => {
    const progress = async () => {
      throw new Error('mine');
    };
    await expect(modelFolder(ID, { progress })).rejects.toThrow(/mine/);
  });

  test('two at once do not meet', async () => {
    const folders = await Promise.all([modelFolder(ID), modelFolder(ID)]);
    expect(folders[0]).toBe(folders[1]);
    expect(readFileSync(join(folders[0], 'onnx/model.onnx')).equals(TOY_FILES['onnx/model.onnx'])).toBe(true);
    const blobs = readdirSync(join(home, 'hub', 'models--tiny-lab--toy-gpt2', 'blobs'));
    expect(blobs.filter((name) => name.includes('incomplete'))).toEqual([]);
  });
});

describe('a model that cannot be had', () => {
  const failure = (id: string, options = {}) =>
    modelFolder(id, options).then(
      () => 'no error',
      (error) => `${error.name}: ${error.message}`,
    );

  test('a folder that is not there, and a file', async () => {
    expect(await failure('./nowhere')).toBe(
      'ModelError: no such file or folder: ./nowhere (a model on the hub is named owner/name)',
    );
    expect(hub.requests).toEqual([]);
  });

  test('a closed network says what was tried and what to do', async () => {
    const closed = await closedHub();
    vi.stubEnv('HF_ENDPOINT', closed);
    expect(await failure(ID)).toBe(
      `ModelError: ${ID} could not be fetched from ${closed} (fetch failed: ECONNREFUSED) and is not in the cache ${home}/hub/models--tiny-lab--toy-gpt2: fetch it once with a network (HF_ENDPOINT names another hub), or give a folder that has the files`,
    );
  });

  test('offline on purpose', async () => {
    expect(await failure(ID, { localFilesOnly: true })).toMatch(
      /^ModelError: tiny-lab\/toy-gpt2 \(revision main\) is not in the cache .*HF_HUB_OFFLINE or the option localFilesOnly/,
    );
    expect(hub.requests).toEqual([]);
  });

  test('an id that the hub does not know, and a revision', async () => {
    expect(await failure('tiny-lab/unknown')).toMatch(/does not provide tiny-lab\/unknown \(401\): it does not exist/);
    hub.repositories.set('tiny-lab/gone', { commit: COMMIT, files: {}, status: 404 });
    expect(await failure('tiny-lab/gone')).toBe(
      `ModelError: there is no folder tiny-lab/gone here, and no model tiny-lab/gone on ${url} (404)`,
    );
    expect(await failure(ID, { revision: 'v9' })).toMatch(
      /no model tiny-lab\/toy-gpt2 with the revision v9 on .* \(404\)/,
    );
  });

  test('a gated one', async () => {
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES, gated: true });
    expect(await failure(ID)).toBe(
      `ModelError: access to ${ID} is restricted (403): ask for it on ${url}/${ID}, and give your access token as the option token or in HF_TOKEN`,
    );
  });

  test('a repository without an .onnx file, or with other ones', async () => {
    hub.repositories.set(ID, { commit: COMMIT, files: { 'config.json': Buffer.from('{}') } });
    expect(await failure(ID)).toBe(
      `ModelError: the repository ${ID} on ${url} has no .onnx file: export the model to ONNX first`,
    );
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES });
    expect(await failure(ID, { file: 'model_q4.onnx' })).toMatch(
      /has no file model_q4\.onnx: choose one with the option file out of onnx\/model\.onnx, onnx\/model_fp16\.onnx$/,
    );
  });

  test('a download that breaks leaves nothing that looks whole', async () => {
    const stop = (progress: { file: string }) => {
      if (progress.file === 'onnx/model.onnx') throw new Error('the cable was pulled');
    };
    expect(await failure(ID, { progress: stop })).toMatch(/could not be fetched from .* \(the cable was pulled\)/);
    expect(await failure(ID, { localFilesOnly: true })).toMatch(/is not in the cache/);
    const left = readdirSync(join(home, 'hub', 'models--tiny-lab--toy-gpt2'), { recursive: true, encoding: 'utf8' });
    expect(left.filter((path) => path.includes('incomplete') || path.includes('model.onnx'))).toEqual([]);
    expect(await modelFolder(ID)).toBe(join(home, 'hub', 'models--tiny-lab--toy-gpt2', 'snapshots', COMMIT));
  });

  test('a file that comes with other contents than the hub lists', async () => {
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES, damaged: 'tokenizer.json' });
    expect(await failure(ID)).toMatch(
      /could not be fetched from .* \(tokenizer\.json was damaged on the way: its hash is not 7a0713b/,
    );
  });

  test('a file that goes on for longer than the hub lists is given up at once', async () => {
    hub.sent = 0;
    hub.repositories.set(ID, { commit: COMMIT, files: TOY_FILES, endless: 'tokenizer.json' });
    expect(await failure(ID)).toMatch(/\(tokenizer\.json has \d+ bytes, but more were received\)/);
    // What was on its way in buffers.
    expect(hub.sent).toBeLessThan(16 * 2 ** 20);
    const left = readdirSync(join(home, 'hub', 'models--tiny-lab--toy-gpt2'), { recursive: true, encoding: 'utf8' });
    expect(left.filter((path) => path.includes('incomplete') || path.includes('tokenizer.json'))).toEqual([]);
  });

  test('a cache that is in the way', async () => {
    writeFileSync(join(home, 'hub'), '');
    expect(await failure(ID)).toMatch(/could not be fetched from .* \((ENOTDIR|EEXIST)/);
  });
});
