import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NNsight, save, type Tensor } from 'onnsight';
import { TensorProto_DataType as T } from 'onnx-buf';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ModelError } from '../../runtime/onnx/error.ts';
import { externalEntry, isExternal } from '../../runtime/onnx/external.ts';
import {
  makeFunction,
  makeGraph,
  makeMetadata,
  makeModel,
  makeNode,
  makeTensor,
  makeValueInfo,
} from '../../runtime/onnx/make.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { decodeModel, encodeModel, type ModelProto, type TensorProto } from '../../runtime/onnx/proto.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { inFile } from '../support/external.ts';
import { FILES, modelPath, reference, TOY } from '../support/fixtures.ts';
import { fixtureModel, referenceFeeds, runModel } from '../support/run-model.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('reading a model', () => {
  test('tells its inputs, outputs and operator set', async () => {
    const model = await readModel(TOY);
    expect(model.opset).toBe(17);
    expect(model.inputs[0]).toEqual({ name: 'input_ids', dtype: 'int64', dims: ['batch', 'sequence'] });
    expect(model.inputs[3]).toEqual({
      name: 'past_key_values.0.key',
      dtype: 'float32',
      dims: ['batch', 4, 'past', 32],
    });
    expect(model.outputs[0]).toEqual({ name: 'logits', dtype: 'float32', dims: ['batch', 'sequence', 189] });
  });

  test('leaves large weights in the file', async () => {
    const model = await readModel(TOY);
    const encoded = encodeModel(model.proto);
    expect(encoded.length).toBeLessThan(statSync(TOY).size / 10);
    expect(model.graph.initializer.every((tensor) => tensor.rawData.length <= 1024)).toBe(true);
    expect(model.graph.initializer.some(isExternal)).toBe(true);
  });

  test.each(FILES)('offsets point at the bytes of the weights: %s (%s exporter)', async (name, exporter) => {
    const path = modelPath(name, exporter);
    const model = await readModel(path);
    const bytes = readFileSync(path);
    const whole = await InferenceSession.create(path, { graphOptimizationLevel: 'disabled' });
    const feeds = referenceFeeds(model, reference(name));
    const output = model.outputs[0]!.name;
    const expected = (await whole.run(feeds))[output]!;
    const found = (await runModel(model, feeds, [output]))[output]!;
    expect(found.data).toEqual(expected.data);
    for (const tensor of model.graph.initializer.filter(isExternal)) {
      const [start, length] = [Number(externalEntry(tensor, 'offset')), Number(externalEntry(tensor, 'length'))];
      const elements = tensor.dims.reduce((product, dim) => product * Number(dim), 1);
      expect(length, tensor.name).toBe(elements * 4);
      expect(start + length).toBeLessThanOrEqual(bytes.length);
    }
  });

  test('floats that stand in a packed list are left in the file, too', async () => {
    const { proto } = await fixtureModel('zoo/mlp', 'ts');
    const path = file('packed.onnx', encodeModel({ ...proto, graph: { ...proto.graph!, ...widened(proto) } }));
    const model = await readModel(path);
    const wide = model.graph.initializer.find(({ name }) => name === 'wide')!;
    expect(wide.floatData).toEqual([]);
    const start = Number(externalEntry(wide, 'offset'));
    const bytes = readFileSync(path).subarray(start, start + Number(externalEntry(wide, 'length')));
    const floats = new Float32Array(Uint8Array.from(bytes).buffer);
    expect(Array.from(floats.slice(0, 3))).toEqual([0, 0.5, 1]);
    expect(floats).toHaveLength(600);
  });

  test('an operator set that there is none of is an error', async () => {
    const proto = decodeModel(readFileSync(modelPath('zoo/mlp', 'ts')));
    const opsetImport = proto.opsetImport.map((one) => ({ ...one, version: 0n }));
    await expect(readModel(file('none.onnx', encodeModel({ ...proto, opsetImport })))).rejects.toThrow(
      /none\.onnx uses the operator set 0, which there is none of/,
    );
  });

  test('the hash is that of the graph, wherever the file lies', async () => {
    const copy = await readModel(file('model.onnx', readFileSync(TOY)));
    expect(copy.hash).toBe((await readModel(TOY)).hash);
    expect(copy.hash).not.toBe((await fixtureModel('zoo/mlp', 'ts')).hash);
    expect(copy.hash).toHaveLength(createHash('sha256').digest('hex').length);
  });

  test('the hash is that of what the model means, however its weights are written and whatever is said of it', async () => {
    const proto = decodeModel(readFileSync(modelPath('zoo/mlp', 'ts')));
    const { graph } = proto;
    const hashOf = async (changed: Partial<ModelProto>) =>
      (await readModel(file('changed.onnx', encodeModel({ ...proto, ...changed })))).hash;
    const weights = (map: (tensor: TensorProto, values: Float32Array) => TensorProto) => ({
      graph: {
        ...graph!,
        initializer: graph!.initializer.map((tensor) =>
          map(tensor, new Float32Array(Uint8Array.from(tensor.rawData).buffer)),
        ),
      },
    });
    const none = new Uint8Array();
    const hash = await hashOf({});
    expect(await hashOf(weights((one, values) => ({ ...one, rawData: none, floatData: [...values] })))).toBe(hash);
    const reversed = { graph: { ...graph!, initializer: graph!.initializer.toReversed() } };
    expect(await hashOf({ ...reversed, docString: 'another', producerName: 'another' })).toBe(hash);
    const last = graph!.initializer.at(-1)!;
    const changed = (values: Float32Array) => values.map((value, i) => (i === 0 ? value + 2 ** -20 : value));
    const other = weights((one, values) =>
      one === last ? { ...one, rawData: new Uint8Array(changed(values).buffer) } : one,
    );
    expect(await hashOf(other)).not.toBe(hash);
    const names = new Map([
      [graph!.initializer[1]!.name, last.name],
      [last.name, graph!.initializer[1]!.name],
    ]);
    expect(await hashOf(weights((one) => ({ ...one, name: names.get(one.name) ?? one.name })))).not.toBe(hash);
  });

  // How the onnx package writes the elements of each type: https://onnx.ai/onnx/api/classes.html#tensorproto
  test.each<[string, T, Partial<TensorProto>, ArrayBufferView]>([
    ['float16', T.FLOAT16, { int32Data: [0x3e00, 0xc080, 0] }, Uint16Array.of(0x3e00, 0xc080, 0)],
    ['bfloat16', T.BFLOAT16, { int32Data: [0x3fc0, 0xc010, 0] }, Uint16Array.of(0x3fc0, 0xc010, 0)],
    ['float8', T.FLOAT8E4M3FN, { int32Data: [0x3c, 0xc1, 0] }, Uint8Array.of(0x3c, 0xc1, 0)],
    ['int4', T.INT4, { int32Data: [0x78, 0x01] }, Uint8Array.of(0x78, 0x01)],
    ['int8', T.INT8, { int32Data: [-128, 127, -1] }, Int8Array.of(-128, 127, -1)],
    ['uint8', T.UINT8, { int32Data: [255, 0, 7] }, Uint8Array.of(255, 0, 7)],
    ['int16', T.INT16, { int32Data: [-32768, 32767, -1] }, Int16Array.of(-32768, 32767, -1)],
    ['uint16', T.UINT16, { int32Data: [65535, 0, 7] }, Uint16Array.of(65535, 0, 7)],
    ['bool', T.BOOL, { int32Data: [1, 0, 1] }, Uint8Array.of(1, 0, 1)],
    ['uint32', T.UINT32, { uint64Data: [2n ** 32n - 1n, 0n, 1n] }, Uint32Array.of(2 ** 32 - 1, 0, 1)],
    ['int64', T.INT64, { int64Data: [-(2n ** 63n), 1n, 0n] }, BigInt64Array.of(-(2n ** 63n), 1n, 0n)],
    ['uint64', T.UINT64, { uint64Data: [2n ** 64n - 1n, 1n, 0n] }, BigUint64Array.of(2n ** 64n - 1n, 1n, 0n)],
    ['float64', T.DOUBLE, { doubleData: [1.5, -0, 5e-324] }, Float64Array.of(1.5, -0, 5e-324)],
  ])(
    'the hash of %s is that of its values, in a list, in bytes and in a file',
    async (name, dataType, list, { buffer }) => {
      const proto = decodeModel(readFileSync(modelPath('zoo/mlp', 'ts')));
      const hashOf = async (form: string, weight: Partial<TensorProto>) => {
        const bare = { ...makeTensor('extra', 'float32', [0, 0, 0], [3]), rawData: new Uint8Array(), dataType };
        const initializer = [...proto.graph!.initializer, { ...bare, ...weight }];
        const path = file(`${name}-${form}.onnx`, encodeModel({ ...proto, graph: { ...proto.graph!, initializer } }));
        return (await readModel(path)).hash;
      };
      const bytes = new Uint8Array(buffer as ArrayBuffer);
      const hash = await hashOf('bytes', { rawData: bytes });
      expect(await hashOf('list', list)).toBe(hash);
      file(`${name}.data`, Buffer.concat([Buffer.alloc(64), bytes]));
      const entries = [
        { $typeName: 'onnx.StringStringEntryProto' as const, key: 'location', value: `${name}.data` },
        { $typeName: 'onnx.StringStringEntryProto' as const, key: 'offset', value: '64' },
      ];
      expect(await hashOf('file', { dataLocation: 1, externalData: entries })).toBe(hash);
      const other = Uint8Array.from(bytes, (byte, i) => (i === 0 ? byte ^ 1 : byte));
      expect(await hashOf('other', { rawData: other })).not.toBe(hash);
    },
  );
});

/** The initializers of a model and one more, of 600 floats in a packed list. */
function widened(proto: OnnxModel['proto']): { initializer: TensorProto[] } {
  const [like] = proto.graph!.initializer;
  const floatData = Array.from({ length: 600 }, (_, i) => i / 2);
  return {
    initializer: [
      ...proto.graph!.initializer,
      { ...like!, name: 'wide', dims: [600n], rawData: new Uint8Array(0), floatData },
    ],
  };
}

describe('a model with external data', () => {
  /** The toy model with its weights in a second file, as exporters write models of more than 2 GB. */
  async function split(name: string, location: string, weights: string | null): Promise<string> {
    const model = await readModel(TOY);
    const bytes = readFileSync(TOY);
    let end = 0;
    const parts: Uint8Array[] = [];
    const initializer = model.graph.initializer.map((tensor) => {
      if (!isExternal(tensor)) return tensor;
      const start = Number(externalEntry(tensor, 'offset'));
      const length = Number(externalEntry(tensor, 'length'));
      parts.push(bytes.subarray(start, start + length));
      const offset = end;
      end += length;
      return inFile(tensor, location, offset, length);
    });
    if (weights !== null) file(weights, Buffer.concat(parts));
    return file(name, encodeModel({ ...model.proto, graph: { ...model.graph, initializer } }));
  }

  test('keeps pointing at its own files, and runs', async () => {
    const model = await readModel(await split('split.onnx', 'split.data', 'split.data'));
    const [wte] = model.graph.initializer;
    expect(externalEntry(wte!, 'location')).toBe('split.data');
    const session = await InferenceSession.create(encodeModel(model.proto), {
      extra: { session: { model_external_initializers_file_folder_path: model.folder } },
    });
    expect(session.outputNames[0]).toBe('logits');
  });

  test('is found behind links, as download caches keep it', async () => {
    const path = await split('blob-1', 'linked.data', 'blob-2');
    symlinkSync(path, join(folder, 'linked.onnx'));
    symlinkSync(join(folder, 'blob-2'), join(folder, 'linked.data'));
    const model = await readModel(join(folder, 'linked.onnx'));
    expect(model.file).toBe('blob-1');
    expect(externalEntry(model.graph.initializer[0]!, 'location')).toBe('blob-2');
    const session = await InferenceSession.create(encodeModel(model.proto), {
      extra: { session: { model_external_initializers_file_folder_path: model.folder } },
    });
    expect(session.outputNames[0]).toBe('logits');
  });

  test('is refused behind a link that leaves the folder of the file', async () => {
    const inside = join(folder, 'inside');
    mkdirSync(inside);
    const path = await split('inside/model.onnx', 'weights.data', 'outside.data');
    symlinkSync(join(folder, 'outside.data'), join(inside, 'weights.data'));
    expect(await failure(path)).toMatch(/transformer\.wte\.weight .*link/);
  });

  test('says which file is missing, and for which tensor', async () => {
    const error = await failure(await split('gone.onnx', 'gone.data', null));
    expect(error).toMatch(/gone\.data is missing: it holds the tensor transformer\.wte\.weight/);
  });

  test('says which file is too short', async () => {
    const path = await split('short.onnx', 'short.data', null);
    file('short.data', 'too short');
    expect(await failure(path)).toMatch(
      /short\.data is too short: the tensor transformer\.wte\.weight reaches byte 96768 of 9/,
    );
  });

  describe('says where it is, and how much of it there is', () => {
    async function told(entries: Readonly<Record<string, string | null>>): Promise<string> {
      const model = await readModel(await split('ranges.onnx', 'ranges.data', 'ranges.data'));
      const wte = model.graph.initializer.find(({ name }) => name === 'transformer.wte.weight')!;
      const others = wte.externalData.filter(({ key }) => entries[key] === undefined);
      const given = Object.entries(entries).flatMap(([key, value]) => (value === null ? [] : [[key, value]]));
      wte.externalData = [...others, ...makeMetadata(Object.fromEntries(given))];
      return file('told.onnx', encodeModel(model.proto));
    }

    test.each([
      [{ offset: '-4' }, /told\.onnx gives the data of the tensor transformer\.wte\.weight the offset "-4"/],
      [{ offset: 'first' }, /the offset "first": it is a whole number of bytes/],
      [{ length: '1.5' }, /the length "1.5"/],
      [{ length: '0x10' }, /the length "0x10"/],
      [
        { length: '4' },
        /told\.onnx gives the tensor transformer\.wte\.weight 4 bytes of data, but float32 of dims \[189, 128\] takes 96768/,
      ],
      [{ length: '96772' }, /96772 bytes of data, but/],
    ])('%o is an error', async (entries, says) => {
      expect(await failure(await told(entries))).toMatch(says);
    });

    // What ONNX Runtime takes for as many bytes as there are elements.
    test.each([[{ length: null }], [{ length: '0' }]])('%o is the length of the elements', async (entries) => {
      const path = await told(entries);
      const model = await readModel(path);
      expect(externalEntry(model.initializers.get('transformer.wte.weight')!, 'length')).toBe('96768');
      expect(model.hash).toBe((await readModel(TOY)).hash);
      const [whole, one] = await Promise.all(
        [TOY, path].map(async (from) => {
          const toy = await NNsight.load(from, { device: 'cpu' });
          return toy.trace({ input_ids: [[5, 42]] }, () => save(toy.output));
        }),
      );
      expect(one!.data).toEqual(whole!.data);
    });
  });

  test.each(['../outside.data', '/etc/hostname', 'a/../../outside.data'])(
    'may not leave the folder: %s',
    async (location) => {
      expect(await failure(await split('leaving.onnx', location, null))).toMatch(
        /transformer\.wte\.weight points outside the model's folder/,
      );
    },
  );
});

describe('names', () => {
  let made = 0;
  const named = (input: string, inner: string, output: string, module: string) => {
    const nodes = [
      makeNode('Mul', [input, 'w'], [inner], {}, `/${module}/Mul`),
      makeNode('Add', [inner, 'w'], [output], {}, `/${module}/next/Add`),
    ];
    const graph = makeGraph(
      'g',
      nodes,
      [makeValueInfo(input, 'float32', ['n', 2])],
      [makeValueInfo(output, 'float32', ['n', 2])],
      [makeTensor('w', 'float32', [2, 3], [2])],
    );
    return file(`${made++}named.onnx`, encodeModel(makeModel(graph, 17)));
  };

  it.each([
    ['__proto__', 'h', 'y'],
    ['x', '__proto__', 'y'],
    ['x', 'h', '__proto__'],
    ['onnsight/operand_0', 'h', 'y'],
    ['x', 'onnsight/Add_0', 'y'],
  ])('that mean something else are refused: %s, %s, %s', async (...names) => {
    expect(await failure(named(...names, 'a'))).toMatch(
      /named\.onnx has a tensor named (__proto__|onnsight\/\w+)[,:] /,
    );
  });

  // What plain ONNX Runtime gives for [[1, 2]]: times [2, 3], and added.
  it.each([
    'constructor',
    'toString',
    'then',
    'a\nb',
    'a"b',
    'a\\b',
    'a%b|:;',
    '日本',
    '😀',
    '[]',
    'length',
    'x'.repeat(5000),
  ])('that are strange are names as others are: %j', async (name) => {
    for (const path of [named(name, 'h', `${name}_y`, 'a'), named('x', name, 'y', 'a'), named('x', 'h', name, name)]) {
      // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
      const model: any = await NNsight.load(path, { device: 'cpu' });
      const given = { [(await readModel(path)).inputs[0]!.name]: [[1, 2]] };
      const all = Object.values(await model.trace(given)) as Tensor[];
      const block = await model.trace(given, () => ({ [name]: save(model.output), twice: save(model.output * 2) }));
      expect(all.map((one) => one.toArray())).toEqual([[[4, 9]]]);
      expect([block[name].toArray(), block.twice.toArray()]).toEqual([[[4, 9]], [[8, 18]]]);
    }
  });
});

describe('external data of a node', () => {
  const constant = (location: string) =>
    makeNode('Constant', [], ['c'], { value: { tensor: inFile(makeTensor('k', 'float32', [1], [1]), location) } });
  const output = [makeValueInfo('c', 'float32')];
  const branch = (location: string) => ({ graph: makeGraph('b', [constant(location)], [], output) });
  const models: Record<string, (location: string) => Uint8Array> = {
    'in the graph': (location) => encodeModel(makeModel(makeGraph('g', [constant(location)], [], output))),
    'in a subgraph': (location) => {
      const branches = { then_branch: branch(location), else_branch: branch(location) };
      const flag = makeTensor('flag', 'bool', [1], []);
      return encodeModel(makeModel(makeGraph('g', [makeNode('If', ['flag'], ['c'], branches)], [], output, [flag])));
    },
    'in a function': (location) => {
      const call = { ...makeNode('Weight', [], ['c']), domain: 'made' };
      const weight = makeFunction('made', 'Weight', [], ['c'], [constant(location)]);
      return encodeModel(makeModel(makeGraph('g', [call], [], output), 17, [weight]));
    },
  };

  it.each(Object.entries(models))('may not leave the folder, and has to be there: %s', async (_, model) => {
    expect(await failure(file('node.onnx', model('../outside.data')))).toMatch(/k points outside the model's folder/);
    expect(await failure(file('node.onnx', model('gone.data')))).toMatch(
      /gone\.data is missing: it holds the tensor k/,
    );
  });
});

describe('a file that is no model', () => {
  const cases: [string, () => string, RegExp][] = [
    ['a missing file', () => join(folder, 'nowhere.onnx'), /no such file/],
    ['a directory', () => folder, /is a directory/],
    ['an empty file', () => file('empty.onnx', ''), /is empty/],
    ['a text', () => file('text.onnx', 'Hello, this is not a model.\n'), /is not an ONNX model/],
    ['a JSON file', () => file('json.onnx', '{"model": "gpt2"}'), /is not an ONNX model/],
    ['a web page', () => file('page.onnx', '<!DOCTYPE html><html><body>404</body></html>'), /is not an ONNX model/],
    [
      'an image',
      () => file('image.onnx', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)),
      /is not an ONNX model/,
    ],
    ['zeros', () => file('zeros.onnx', new Uint8Array(4096)), /is not an ONNX model/],
    ['an archive', () => file('zip.onnx', Uint8Array.of(0x50, 0x4b, 3, 4, 20, 0, 0, 0)), /is not an ONNX model/],
    [
      'a Git LFS pointer',
      () => file('lfs.onnx', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n'),
      /Git LFS pointer.*git lfs pull/,
    ],
  ];
  test.each(cases)('%s', async (_, make, message) => {
    const path = make();
    const error = await failure(path);
    expect(error).toMatch(message);
    expect(error).toContain(path);
  });

  test.each([3, 20, 100, 5000, 100_000, 3_000_000, -1])('a model cut short after %i bytes', async (length) => {
    const bytes = readFileSync(TOY);
    expect(await failure(file('cut.onnx', bytes.subarray(0, length)))).toMatch(/cut short/);
  });

  test('a model with damaged bytes gives an error of this library or reads as some model', async () => {
    const bytes = readFileSync(modelPath('zoo/rnn', 'dynamo'));
    for (let at = 0; at < bytes.length; at += 37) {
      const damaged = Buffer.from(bytes);
      damaged[at] = damaged[at]! ^ 0xff;
      await readModel(file('damaged.onnx', damaged)).catch((error: unknown) =>
        expect(error).toBeInstanceOf(ModelError),
      );
    }
  });
});

async function failure(path: string): Promise<string> {
  const error = await readModel(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ModelError);
  return (error as ModelError).message;
}
