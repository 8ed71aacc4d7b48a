import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { ModelError } from '../../runtime/onnx/error.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';
import { inFile } from '../support/external.ts';
import { TOY } from '../support/toy.ts';
import { rejection } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-errors-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A model of one weight, which stands in a file of its own. */
function externalModel(): Uint8Array {
  const weight = inFile(makeTensor('w', 'float32', [0], [1]), 'weights.bin');
  const copy = makeNode('Identity', ['w'], ['y'], {}, 'copy');
  return encodeModel(makeModel(makeGraph('g', [copy], [], [makeValueInfo('y')], [weight])));
}

describe('a file that is no model', () => {
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const zoo = (name: string) => readFileSync(new URL(`../fixtures/zoo/${name}`, import.meta.url));

  const changed = (name: string, at: number, byte: number) => {
    const bytes = zoo('mlp.ts.onnx');
    bytes[at] = byte;
    return file(name, bytes);
  };

  it.each<[string, () => string, RegExp]>([
    ['missing', () => join(folder, 'none.onnx'), /no such file: .*none\.onnx/],
    ['empty', () => file('empty.onnx', ''), /empty\.onnx is empty/],
    [
      'no ONNX',
      () => file('text.onnx', 'This is a text and no model.\n'.repeat(20)),
      /text\.onnx is (not an ONNX|cut)/,
    ],
    [
      'cut short',
      () => file('short.onnx', zoo('gpt2.ts.onnx').subarray(0, 5000)),
      /short\.onnx is (cut short|damaged)/,
    ],
    ['a path with a NUL', () => 'a\0b.onnx', /cannot be read/],
    [
      'a link to itself',
      () => {
        symlinkSync('loop.onnx', join(folder, 'loop.onnx'));
        return join(folder, 'loop.onnx');
      },
      /cannot be read/,
    ],
    // mlp.ts.onnx with one byte changed: Protobuf's own parser, and ONNX Runtime, refuse each.
    ['a field as one of another type', () => changed('wire.onnx', 27, 0x0b), /NodeProto's field input is written as/],
    ['a field that is too long', () => changed('long.onnx', 754, 0x05), /Dimension's field dim_param is longer than/],
    ['a folder', () => folder, /loop\.onnx" cannot be read: ELOOP/],
  ])('%s', async (_, path, says) => {
    const error = await rejection(NNsight.load(path()));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(says);
  });

  const withSets = (name: string, sets: { domain: string; version: bigint }[]) => {
    const proto = decodeModel(zoo('mlp.ts.onnx'));
    const [own] = proto.opsetImport;
    return file(name, encodeModel({ ...proto, opsetImport: sets.map((one) => ({ ...own!, ...one })) }));
  };

  it('of custom operator sets only', async () => {
    const error = await rejection(NNsight.load(withSets('custom.onnx', [{ domain: 'com.acme', version: 1n }])));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/custom\.onnx uses the operator sets com\.acme 1 only: none of ONNX's own\. Export/);
  });

  it('without its external data', async () => {
    const path = file('external.onnx', externalModel());
    const error = await rejection(NNsight.load(path));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/weights\.bin is missing: it holds the tensor w/);
  });

  it.each(['a\0b', 'loop', 'deep', 'folder'])('a language model and a bundle: %s', async (name) => {
    const { LanguageModel } = await import('onnsight');
    const { loadBundle, BundleError } = await import('../../runtime/bundle/node.ts');
    const path = join(folder, 'lm', name);
    if (!name.includes('\0')) {
      mkdirSync(join(folder, 'lm'), { recursive: true });
      if (name === 'loop') symlinkSync(name, path);
      else cpSync(TOY, path, { recursive: true });
      if (name === 'deep') writeFileSync(join(path, 'tokenizer.json'), `${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`);
      if (name === 'folder') {
        rmSync(join(path, 'config.json'));
        mkdirSync(join(path, 'config.json'));
      }
    }
    expect(await rejection(LanguageModel.load(path))).toBeInstanceOf(ModelError);
    expect(await rejection(loadBundle(path))).toBeInstanceOf(BundleError);
  });

  it('a folder without a model or tokenizer', async () => {
    const { LanguageModel } = await import('onnsight');
    const error = await rejection(LanguageModel.load(join(folder, 'nowhere')));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/no such file or folder: .*nowhere/);
  });
});

describe('a device', () => {
  it('that is not there', async () => {
    const loading = NNsight.load(join(TOY, 'model.onnx'), { device: 'cuda' });
    const works = await loading.then(
      ({ device }) => device === 'cuda',
      () => false,
    );
    // Where there is a CUDA device it has to be the one that was asked for.
    if (works) return;
    const error = await rejection(loading);
    expect(error.name).toBe('DeviceError');
    expect(error.message).toMatch(
      /'cuda' does not work here: .*(npm rebuild onnxruntime-node|LD_LIBRARY_PATH|NVIDIA)/s,
    );
  });

  it('of an unknown name', async () => {
    const error = await rejection(NNsight.load(join(TOY, 'model.onnx'), { device: 'gpu' as never }));
    expect(error.name).toBe('DeviceError');
    expect(error.message).toMatch(/'gpu'.*(cpu|auto).*cuda/s);
  });
});
