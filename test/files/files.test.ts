import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import {
  LanguageModel,
  loadNpy,
  loadNpz,
  loadSafetensors,
  NpyFile,
  NpyWriter,
  SafetensorsFile,
  save,
  saveNpy,
  saveNpz,
  saveSafetensors,
  stack,
  Tensor,
  type TensorData,
  TensorFileError,
} from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import type { DType } from '../../runtime/graph/types.ts';
import type { AnyTensor } from '../../runtime/tensor/tensor.ts';
import { TOY } from '../support/fixtures.ts';

interface Described {
  readonly dtype: DType;
  readonly dims: readonly number[];
  readonly data: readonly (number | 'inf')[];
}
interface File {
  readonly name: string;
  readonly file: string;
  readonly array: Described;
}
/** Files of numpy and safetensors (test/tools/tensor_files_fixtures.py), in base64. */
const fixtures = JSON.parse(readFileSync(new URL('../fixtures/tensor-files.json', import.meta.url), 'utf8')) as {
  readonly npy: readonly File[];
  readonly readOnly: readonly File[];
  readonly other: readonly Omit<File, 'array'>[];
  readonly npz: { readonly plain: string; readonly compressed: string; readonly arrays: Record<string, Described> };
  readonly safetensors: { readonly file: string; readonly arrays: Record<string, Described> };
  readonly bfloat16: { readonly file: string; readonly values: readonly number[] };
};

const folder = mkdtempSync(join(tmpdir(), 'onnsight-files-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

function written(name: string, base64: string): string {
  writeFileSync(at(name), base64, 'base64');
  return at(name);
}

/** Numbers beyond 2^53 are rounded on both sides. */
function numbersOf({ data }: AnyTensor | Described): number[] {
  return Array.from(data as ArrayLike<number | 'inf'>, (value) =>
    value === 'inf' ? Number.POSITIVE_INFINITY : Number(value),
  );
}

function expectSame(tensor: AnyTensor, array: Described): void {
  expect([tensor.dtype, tensor.dims]).toEqual([array.dtype, array.dims]);
  expect(numbersOf(tensor)).toEqual(numbersOf(array));
}

function tensorOf(array: Described): AnyTensor {
  const large = array.dtype === 'int64' || array.dtype === 'uint64';
  const data = large
    ? numbersOf(array).map((value) => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value)))
    : numbersOf(array);
  return Tensor.from(data as TensorData, array.dtype, array.dims) as AnyTensor;
}

describe('.npy', () => {
  it.each([...fixtures.npy, ...fixtures.readOnly])('$name is read as numpy wrote it', async ({ file, array }) => {
    expectSame(await loadNpy(written('numpy.npy', file)), array);
  });

  it.each(fixtures.npy)('$name is written to the byte as numpy does', async ({ file, array }) => {
    await saveNpy(at('ours.npy'), tensorOf(array));
    expect(readFileSync(at('ours.npy'), 'base64')).toBe(file);
  });

  it.each(fixtures.other)('$name is an error that names the file', async ({ file }) => {
    const path = written('other.npy', file);
    await expect(loadNpy(path)).rejects.toThrow(TensorFileError);
    await expect(loadNpy(path)).rejects.toThrow(`${path} holds`);
  });

  it('that is damaged is an error', async () => {
    const whole = Buffer.from(fixtures.npy[1]!.file, 'base64');
    for (const cut of [0, 5, 8, 20, whole.length - 1]) {
      writeFileSync(at('cut.npy'), whole.subarray(0, cut));
      await expect(loadNpy(at('cut.npy'))).rejects.toThrow(TensorFileError);
      await expect(NpyFile.open(at('cut.npy'))).rejects.toThrow(TensorFileError);
    }
    await expect(loadNpy(at('none.npy'))).rejects.toThrow('none.npy');
  });
});

describe('rows of a .npy file', () => {
  it('are written as they come and read as they are asked for', async () => {
    const lm = await LanguageModel.load(dirname(TOY), { device: 'cpu' });
    const prompts = ['The Eiffel Tower is in', 'The Colosseum is in', 'Mary gave a drink to'];
    const path = at('activations.npy');
    const kept: Tensor[] = [];
    const writer = await NpyWriter.open(path);
    for (const prompt of prompts) {
      const last = await lm.trace(prompt, () => save(lm.transformer.h[2].output[':, -1']));
      await writer.append(last);
      kept.push(last[0]);
      expect(existsSync(path)).toBe(false);
    }
    await writer.close();
    // The same bytes as all at once.
    await saveNpy(at('at-once.npy'), stack(kept));
    expect(readFileSync(path)).toEqual(readFileSync(at('at-once.npy')));

    const file = await NpyFile.open(path);
    expect([file.dtype, file.dims]).toEqual(['float32', [3, 128]]);
    expect((await file.rows(1, 2))[0].data).toEqual(kept[1]!.data);
    expect((await file.rows(1)).dims).toEqual([2, 128]);
    await expect(file.rows(2, 4)).rejects.toThrow('has 3 rows: there are none from 2 to 4');
    await file.close();
  });

  it('of other dims or another dtype are an error, and nothing is left of a file without rows', async () => {
    const writer = await NpyWriter.open(at('rows.npy'));
    await writer.append(Tensor.from([[1, 2]], 'float32'));
    expect(() => writer.append(Tensor.from([[1, 2, 3]], 'float32'))).toThrow(
      'has rows of float32[2], and these are of float32[3]',
    );
    expect(() => writer.append(Tensor.from([[1, 2]]))).toThrow('these are of int64[2]');
    expect(() => writer.append(Tensor.from(1))).toThrow('has no rows');
    await writer.close();
    expect((await loadNpy(at('rows.npy'))).toArray()).toEqual([[1, 2]]);
    await expect((await NpyWriter.open(at('empty.npy'))).close()).rejects.toThrow('no rows were appended');
    expect(readdirSync(folder).filter((name) => name.includes('partial') || name.startsWith('empty'))).toEqual([]);
  });
});

describe('.npz', () => {
  it.each(['plain', 'compressed'] as const)('%s is read as numpy wrote it', async (kind) => {
    const tensors = await loadNpz(written('numpy.npz', fixtures.npz[kind]));
    expect(Object.keys(tensors)).toEqual(Object.keys(fixtures.npz.arrays));
    for (const [name, tensor] of Object.entries(tensors)) expectSame(tensor, fixtures.npz.arrays[name]!);
  });

  it('holds the files that numpy would put into it', async () => {
    const tensors = Object.entries(fixtures.npz.arrays).map(([name, array]) => [name, tensorOf(array)] as const);
    await saveNpz(at('ours.npz'), Object.fromEntries(tensors));
    expect(unzipSync(readFileSync(at('ours.npz')))).toEqual(unzipSync(Buffer.from(fixtures.npz.plain, 'base64')));
  });

  it('that is none is an error', async () => {
    await expect(loadNpz(written('bad.npz', 'AAAA'))).rejects.toThrow(/bad\.npz is not a \.npz file/);
  });
});

describe('.safetensors', () => {
  const { file, arrays } = fixtures.safetensors;

  it('is read as its own tools wrote it', async () => {
    const path = written('theirs.safetensors', file);
    const tensors = await loadSafetensors(path);
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(arrays).sort());
    for (const [name, tensor] of Object.entries(tensors)) expectSame(tensor, arrays[name]!);
    const opened = await SafetensorsFile.open(path);
    expect([opened.metadata, opened.dimsOf('float16')]).toEqual([{ model: 'toy' }, [2, 3]]);
    expectSame(await opened.get('float16'), arrays.float16!);
    await expect(opened.get('other')).rejects.toThrow("has no tensor 'other': it has");
    await opened.close();
  });

  it('is written to the byte as its own tools do', async () => {
    const tensors = Object.entries(arrays).map(([name, array]) => [name, tensorOf(array)] as const);
    await saveSafetensors(at('ours.safetensors'), Object.fromEntries(tensors), { model: 'toy' });
    expect(readFileSync(at('ours.safetensors'), 'base64')).toBe(file);
  });

  it('gives bfloat16 as float32, and says which tensor is of a dtype that there is not', async () => {
    const opened = await SafetensorsFile.open(written('half.safetensors', fixtures.bfloat16.file));
    const tensor = await opened.get('bf16');
    expect([tensor.dtype, tensor.dims, numbersOf(tensor)]).toEqual(['float32', [2, 2], fixtures.bfloat16.values]);
    await expect(opened.get('fp8')).rejects.toThrow(/'fp8' is of F8_E4M3/);
    await opened.close();
  });

  it('that is damaged is an error', async () => {
    const whole = Buffer.from(file, 'base64');
    const longer = Buffer.from(whole);
    longer.writeBigUInt64LE(2n ** 62n);
    const cuts = [0, 7, 8, 40, whole.length - 1].map((cut) => whole.subarray(0, cut));
    for (const bytes of [...cuts, longer, Buffer.concat([whole.subarray(0, 8), Buffer.alloc(whole.length - 8, 'x')])]) {
      writeFileSync(at('cut.safetensors'), bytes);
      await expect(loadSafetensors(at('cut.safetensors'))).rejects.toThrow(TensorFileError);
    }
    // The format's own reader refuses these, too (InvalidOffset, MetadataIncompleteBuffer, a key that stands twice).
    const tensor = (name: string, from: number, to: number) =>
      `"${name}":{"dtype":"F32","shape":[${(to - from) / 4}],"data_offsets":[${from},${to}]}`;
    const headed = (...tensors: string[]) => {
      const header = Buffer.from(`{${tensors.join()}}`);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(header.length));
      writeFileSync(at('own.safetensors'), Buffer.concat([length, header, Buffer.from(Float32Array.of(1, 2).buffer)]));
      return loadSafetensors(at('own.safetensors'));
    };
    for (const tensors of [
      [tensor('a', 0, 8), tensor('b', 4, 8)],
      [tensor('a', 4, 8)],
      [tensor('a', 0, 4)],
      [tensor('a', 0, 4), tensor('a', 4, 8)],
    ]) {
      await expect(headed(...tensors)).rejects.toThrow(TensorFileError);
    }
    const named = await headed(tensor('b', 4, 8), tensor('__proto__', 0, 4));
    expect(Object.entries(named).map(([name, { data }]) => [name, [...data]])).toEqual([
      ['b', [2]],
      ['__proto__', [1]],
    ]);
    await expect(saveSafetensors(at('x.safetensors'), { __metadata__: Tensor.from(1) })).rejects.toThrow(
      'can be called',
    );
  });
});
