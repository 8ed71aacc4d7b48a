import {
  appendFileSync,
  closeSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { intervention, type LanguageModel, save } from 'onnsight';
import { BundleError, loadBundle, type Tensor } from 'onnsight/bundle';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkManifest, parseManifest } from '../../runtime/bundle/manifest.ts';
import type { Manifest } from '../../runtime/bundle/manifest-types.ts';
import { compileTo, freshFolder, TOY_MODEL } from './support/build.ts';

const steer = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
  model.transformer.h[1].output *= alpha;
  return { logits: save(model.lm_head.output) };
});

let sound: string;
beforeAll(async () => {
  sound = await compileTo(steer);
});

/** A copy of the sound bundle, with something done to it. */
function damaged(damage: (folder: string) => void): string {
  const folder = freshFolder();
  mkdirSync(folder, { recursive: true });
  cpSync(sound, folder, { recursive: true });
  damage(folder);
  return folder;
}

type Change = (manifest: Manifest & Record<string, unknown>) => unknown;

function changed(change: Change): string {
  return damaged((folder) => {
    const path = join(folder, 'bundle.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify(change(manifest) ?? manifest));
  });
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  rmSync(path);
  writeFileSync(path, bytes);
}

const file = (manifest: Manifest, i: number) => manifest.files[i] as { path: string; bytes: number; sha256: string };
const tensor = (list: readonly unknown[], i: number) => list[i] as { name: string; dtype: string };

const cases: readonly [what: string, folder: () => string, message: RegExp][] = [
  ['a bit flipped in the model', () => damaged((f) => flip(join(f, 'steer.onnx'), 5000)), /steer\.onnx is damaged/],
  ['a bit flipped in the weights', () => damaged((f) => flip(join(f, 'model.onnx'), 9e5)), /model\.onnx is damaged/],
  ['a truncated model', () => damaged((f) => truncateSync(join(f, 'steer.onnx'), 999)), /cut short: it has 999 bytes/],
  ['a missing weight file', () => damaged((f) => rmSync(join(f, 'model.onnx'))), /model\.onnx is missing/],
  ['no manifest', () => damaged((f) => rmSync(join(f, 'bundle.json'))), /no bundle in .*: it has no bundle\.json/],
  ['a truncated manifest', () => damaged((f) => truncateSync(join(f, 'bundle.json'), 99)), /bundle\.json is damaged/],
  ['another JSON file', () => changed(() => ({ name: 'x' })), /is not a manifest of a bundle/],
  [
    'an older format',
    () => changed((m) => ({ ...m, version: 0 })),
    /format version 0, .* reads 1\. Compile the bundle/,
  ],
  ['a newer format', () => changed((m) => ({ ...m, version: 2 })), /format version 2, .* reads 1\. Update onnsight/],
  [
    'an input with another dtype',
    () => changed((m) => void Object.assign(tensor(m.parameters, 0), { dtype: 'float64' })),
    /input 'alpha' is float64, but in the model it is float32/,
  ],
  [
    'an output with another dtype',
    () => changed((m) => void Object.assign(tensor(m.outputs, 0), { dtype: 'int32' })),
    /output 'logits' is int32, but in the model it is float32/,
  ],
  [
    'an unknown dtype',
    () => changed((m) => void Object.assign(tensor(m.outputs, 0), { dtype: 'str' })),
    /outputs\[0\]\.dtype/,
  ],
  [
    'an output that is not there',
    () => changed((m) => void Object.assign(tensor(m.outputs, 0), { name: 'x' })),
    /names an output 'x' that the model does not have/,
  ],
  [
    'an input left out',
    () => changed((m) => ({ ...m, parameters: m.parameters.slice(0, -1) })),
    /does not name the model's input 'alpha'/,
  ],
  [
    'results of an output that is not there',
    () => changed((m) => ({ ...m, returns: { kind: 'tensor', output: 'x' } })),
    /results name an output 'x'/,
  ],
  [
    'a path out of the folder',
    () => changed((m) => void Object.assign(file(m, 1), { path: '../model.onnx' })),
    /files\[1\]\.path[\s\S]*bundle's own folder/,
  ],
  [
    'an absolute path',
    () => changed((m) => void Object.assign(file(m, 1), { path: '/etc/passwd' })),
    /files\[1\]\.path/,
  ],
  [
    'a link out of the folder',
    () =>
      damaged((f) => {
        const outside = `${freshFolder()}.onnx`;
        copyFileSync(join(f, 'model.onnx'), outside);
        rmSync(join(f, 'model.onnx'));
        symlinkSync(outside, join(f, 'model.onnx'));
      }),
    /model\.onnx is a link that points outside/,
  ],
  ['a field too many', () => changed((m) => ({ ...m, extra: 1 })), /Unrecognized key: "extra"/],
];

describe('a bundle is refused, with what is wrong', () => {
  it.each(cases)('%s', async (_, folder, message) => {
    const error = await loadBundle(folder()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(BundleError);
    expect((error as Error).message).toMatch(message);
  });

  it('but is opened where nothing is', async () => {
    const bundle = await loadBundle(damaged(() => {}));
    expect(bundle.manifest.name).toBe('steer');
    await bundle.release();
  });

  it.each<[string, (path: string) => void, RegExp]>([
    ['written to', (path) => appendFileSync(path, 'x'), /model\.onnx was written to/],
    ['removed', (path) => rmSync(path), /model\.onnx is gone/],
    [
      'replaced',
      (path) => {
        copyFileSync(path, `${path}.new`);
        renameSync(`${path}.new`, path);
      },
      /model\.onnx is another file now/,
    ],
  ])('or where its weights are %s after they were compared', async (_, change, message) => {
    const folder = damaged(() => {});
    const bundle = await loadBundle(folder);
    const run = () => bundle({ input_ids: [[1, 2, 3]], alpha: 2 });
    expect(Object.keys((await run()) as object)).toEqual(['logits']);
    change(join(folder, 'model.onnx'));
    await expect(run()).rejects.toThrow(BundleError);
    await expect(run()).rejects.toThrow(message);
    await bundle.release();
  });

  it('or is one of two that a link is turned to at any moment, never a mixture', async () => {
    const three = intervention({ alpha: 'float32' }, (model: LanguageModel, { alpha }) => {
      model.transformer.h[0].output *= alpha * 3;
      return { logits: save(model.lm_head.output) };
    });
    const folders = [await compileTo(steer), await compileTo(three)];
    const run = async (place: string) => {
      const bundle = await loadBundle(place);
      try {
        const { logits } = (await bundle({ input_ids: [[1, 2, 3]], alpha: 2 })) as { logits: Tensor };
        return String(logits.data);
      } finally {
        await bundle.release();
      }
    };
    const expected = [await run(folders[0]!), await run(folders[1]!)];
    expect(expected[0]).not.toBe(expected[1]);
    const current = freshFolder();
    let turns = 0;
    const turn = () => {
      symlinkSync(folders[turns++ % 2]!, `${current}.next`);
      renameSync(`${current}.next`, current);
    };
    turn();
    const timer = setInterval(turn, 3);
    const found = new Set<unknown>();
    for (let i = 0; i < 6; i++)
      found.add(await run(current).catch((error) => (error instanceof BundleError ? 'refused' : error)));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
    expect([...found].filter((one) => one !== 'refused' && !expected.includes(one as string))).toEqual([]);
  });

  it('and who writes to its weights, or to the model, does not write to the other', async () => {
    const folder = freshFolder();
    mkdirSync(folder, { recursive: true });
    const model = join(folder, 'model.onnx');
    copyFileSync(TOY_MODEL, model);
    const original = readFileSync(model);
    const bundle = await compileTo(steer, { model });
    const weights = join(bundle, 'model.onnx');
    expect(readFileSync(weights).equals(original)).toBe(true);
    for (const [written, other] of [
      [weights, model],
      [model, weights],
    ] as const) {
      const [before, descriptor] = [readFileSync(other), openSync(written, 'r+')];
      writeSync(descriptor, Buffer.alloc(64, 7), 0, 64, 2000);
      closeSync(descriptor);
      expect(readFileSync(other).equals(before)).toBe(true);
    }
    await expect(loadBundle(bundle)).rejects.toThrow(/model\.onnx/);
  });

  it('for devices that are not there', async () => {
    await expect(loadBundle(sound, { device: 'wasm' })).rejects.toThrow(/Node has no device 'wasm'/);
  });

  it.each<[options: object, message: string]>([
    [{ devise: 'cpu' }, "A bundle has no option 'devise'; did you mean device? There are device, verify."],
    [{ device: 'cup' }, "Node has no device 'cup'; did you mean cpu? Take auto, cpu, cuda, webgpu."],
    [{ verify: 'no' }, 'The option verify of a bundle is true or false, not "no".'],
    [['cpu'], 'The options of a bundle are an object, not ["cpu"].'],
  ])('for the options %j', async (options, message) => {
    await expect(loadBundle(sound, options)).rejects.toThrow(message);
  });
});

describe('what a browser checks of a manifest', () => {
  const read = (change: Change) => {
    const path = join(changed(change), 'bundle.json');
    return checkManifest(parseManifest(readFileSync(path, 'utf8'), 'bundle.json'), 'bundle.json');
  };

  it.each<[string, Change, RegExp]>([
    ['an older format', (m) => ({ ...m, version: 0 }), /format version 0/],
    ['a path out of the folder', (m) => void Object.assign(file(m, 1), { path: '../x' }), /"\.\.\/x" points outside/],
    ['the folder itself', (m) => void Object.assign(file(m, 1), { path: '..' }), /"\.\." points outside/],
    ['no hash', (m) => void Object.assign(file(m, 0), { sha256: '' }), /steer\.onnx has no hash/],
    ['no inputs', (m) => ({ ...m, inputs: null }), /inputs is not a list of tensors/],
    ['no files', (m) => ({ ...m, files: [] }), /files are missing/],
    ['no results', (m) => ({ ...m, returns: 3 }), /returns are missing/],
  ])('%s', (_, change, message) => {
    expect(() => read(change)).toThrow(message);
  });

  it('lets a sound one pass', () => {
    expect(read((m) => m).name).toBe('steer');
  });
});
