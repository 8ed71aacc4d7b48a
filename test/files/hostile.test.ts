import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  loadNpy,
  loadNpz,
  loadSafetensors,
  NpyFile,
  NpyWriter,
  Parameter,
  SafetensorsFile,
  SGD,
  saveNpy,
  saveNpz,
  saveSafetensors,
  Tensor,
  TensorFileError,
} from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import type { AnyTensor } from '../../runtime/tensor/tensor.ts';

interface Described {
  readonly dtype: string;
  readonly dims: readonly number[];
  /** The bytes of its elements, in hexadecimal digits. */
  readonly raw: string;
}
/** A file, and what numpy or safetensors reads in it (test/tools/hostile_tensor_files.py). */
interface Row {
  readonly name: string;
  readonly file: string;
  readonly expected: Described | Readonly<Record<string, Described>> | null;
}
const rows: readonly Row[] = JSON.parse(
  readFileSync(new URL('../fixtures/hostile-tensor-files.json', import.meta.url), 'utf8'),
);

/** What numpy reads and tensors cannot be, what it reads a part of, and names that stand twice: errors here. */
const REFUSED =
  /^(bytes|complex|dt64|ld|struct|structshape|unicode|void|h_comment|h_name|h_twice|more|two)\.npy$|^(bz|lzma|dup|dup2)\.npz$|^s_(complex64|dup0|dupesc|metanull)\.safetensors$/;
/** JSON has one kind of numbers: 2.0 is 2. */
const READ = new Set(['s_float.safetensors']);

const folder = mkdtempSync(join(tmpdir(), 'onnsight-hostile-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

function described({ dtype, dims, raw }: AnyTensor): Described {
  return { dtype, dims: [...dims], raw: Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('hex') };
}

async function read(path: string): Promise<Row['expected']> {
  if (path.endsWith('.npy')) return described(await loadNpy(path));
  const tensors = await (path.endsWith('.npz') ? loadNpz : loadSafetensors)(path);
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, described(tensor)]));
}

describe('a file of tensors is read as its own tools read it, or is an error that names it:', () => {
  it.each(rows)('$name', async ({ name, file, expected }) => {
    writeFileSync(at(name), file, 'base64');
    if (READ.has(name)) return;
    if (expected === null || REFUSED.test(name)) {
      const error: unknown = await read(at(name)).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(TensorFileError);
      expect((error as Error).message).toContain(at(name));
    } else {
      expect(await read(at(name))).toEqual(expected);
    }
  });

  it.each(rows.filter(({ name, expected }) => name.endsWith('.npy') && expected && !REFUSED.test(name)))(
    '$name, row by row',
    async ({ name, file, expected }) => {
      writeFileSync(at(name), file, 'base64');
      const opened = await NpyFile.open(at(name)).catch((error: Error) => error);
      if (opened instanceof Error) return expect(opened.message).toContain('read it with loadNpy()');
      expect(described(await opened.rows())).toEqual(expected);
      await opened.close();
    },
  );
});

const x = Tensor.from([[1, 2]], 'float32');
const given = (value: unknown) => value as never;

describe('functions for files take what they say:', () => {
  const path = at('x.npy');
  it.each<[string, () => Promise<unknown>, string]>([
    [
      'an option of saveNpy',
      () => saveNpy(path, x, given({ compress: true })),
      'takes no further arguments, and no options',
    ],
    [
      'the arguments of saveNpy in the other order',
      () => saveNpy(given(x), given(path)),
      'saveNpy(path, tensor): the path is a text',
    ],
    ['an array in place of a tensor', () => saveNpy(path, given([1, 2])), 'takes a tensor with its elements'],
    ['a URL', () => loadNpy(given(pathToFileURL(path))), 'fileURLToPath(url) makes one of a URL'],
    ['a number, which would be an open file', () => loadNpy(given(0)), 'the path is a text'],
    ['an option of loadNpy', () => loadNpy(path, given({ mmap: true })), 'no options'],
    ['an option of saveNpz', () => saveNpz(path, { x }, given({ compressed: true })), 'no options'],
    ['a list of tensors', () => saveNpz(path, given([x])), 'takes tensors by name'],
    ['one tensor where names are', () => saveNpz(path, given(x)), 'takes tensors by name'],
    ['a map', () => saveSafetensors(path, given(new Map([['x', x]]))), 'takes tensors by name'],
    ['numbers among tensors', () => saveSafetensors(path, given({ x: [1] })), "'x' is no tensor with its elements"],
    [
      'metadata that are no texts',
      () => saveSafetensors(path, { x }, given({ step: 3 })),
      'the metadata are texts by name',
    ],
    ['an option of saveSafetensors', () => saveSafetensors(path, { x }, {}, given({})), 'no options'],
    ['an option of loadNpz', () => loadNpz(path, given({})), 'no options'],
    ['an option of loadSafetensors', () => loadSafetensors(path, given({})), 'no options'],
    ['an option of SafetensorsFile', () => SafetensorsFile.open(path, given({})), 'no options'],
    ['an option of NpyFile', () => NpyFile.open(path, given({})), 'no options'],
    ['an option of NpyWriter', () => NpyWriter.open(path, given({ dtype: 'float16' })), 'no options'],
  ])('%s is an error', async (_, call, message) => {
    await expect(call()).rejects.toThrow(message);
    await expect(call()).rejects.toThrow(TensorFileError);
  });

  it('a writer keeps rows as they were, closes once, and takes none after that', async () => {
    const parameter = new Parameter([[1, 2]]);
    const writer = await NpyWriter.open(path);
    const first = writer.append(parameter);
    parameter.grad = Tensor.from([[1, 1]], 'float32');
    new SGD([parameter], { lr: 1 }).step();
    const second = writer.append(parameter);
    expect(() => writer.append(given([[1, 2]]))).toThrow('takes a tensor with its elements');
    expect(() => writer.append(x, given({ flush: true }))).toThrow('no options');
    await Promise.all([first, second]);
    await writer.close();
    await writer[Symbol.asyncDispose]();
    expect(() => writer.append(x)).toThrow('is closed: no rows can be appended');
    expect((await loadNpy(path)).toArray()).toEqual([
      [1, 2],
      [0, 1],
    ]);
  });
});
