import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Backend,
  intervention,
  NNsight,
  requestFromBytes,
  requestToBytes,
  StringTensor,
  save,
  sum,
} from 'onnsight';
import { TensorProto_DataType as T } from 'onnx-buf';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel, type NodeProto } from '../../runtime/onnx/proto.ts';
import { build } from '../bundle/support/build.ts';
import { rejection, thrown } from '../errors/support.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-texts-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, graph: Parameters<typeof makeModel>[0]): string {
  const path = join(folder, name);
  const proto = makeModel(graph, 20);
  const [own] = proto.opsetImport;
  writeFileSync(path, encodeModel({ ...proto, opsetImport: [own!, { ...own!, domain: 'ai.onnx.ml', version: 3n }] }));
  return path;
}

const labels = { strings: ['cat', 'dog', 'Füße'] };
const encoder: NodeProto = {
  ...makeNode(
    'LabelEncoder',
    ['best'],
    ['label'],
    { keys_int64s: { ints: [0, 1, 2] }, values_strings: labels },
    '/Labels',
  ),
  domain: 'ai.onnx.ml',
};

/** A classifier that names the largest score, as scikit-learn's converters write them. */
const CLASSIFIER = file(
  'classifier.onnx',
  makeGraph(
    'g',
    [
      makeNode('MatMul', ['x', 'fc.weight'], ['scores'], {}, '/fc/MatMul'),
      makeNode('ArgMax', ['scores'], ['best'], { axis: { int: 1 }, keepdims: { int: 0 } }, '/ArgMax'),
      encoder,
    ],
    [makeValueInfo('x', 'float32', ['rows', 2])],
    [makeValueInfo('label', T.STRING, ['rows']), makeValueInfo('scores', 'float32', ['rows', 3])],
    [makeTensor('fc.weight', 'float32', [1, -2, 0.5, -1, 1, 3], [2, 3])],
  ),
);
const x = [
  [3, -1],
  [-2, 0],
  [0, 1],
];

/** What ONNX Runtime says of rows of two numbers. */
async function plain(path: string, feeds: Record<string, OrtTensor>, output: string): Promise<StringTensor> {
  const session = await InferenceSession.create(path);
  const { dims, data } = (await session.run(feeds))[output]!;
  await session.release();
  return new StringTensor(dims, data as unknown as string[]);
}
const plainLabels = (rows: number[][]) =>
  plain(CLASSIFIER, { x: new OrtTensor('float32', rows.flat(), [rows.length, 2]) }, 'label');

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
const model: any = await NNsight.load(CLASSIFIER, { device: 'cpu' });

describe('an output of texts', () => {
  it('comes back of a run without a block, beside the numbers', async () => {
    const { label, scores } = await model.trace({ x });
    expect(label).toBeInstanceOf(StringTensor);
    expect(label).toEqual(await plainLabels(x));
    expect([label.dtype, label.dims, new Set(label.data).size]).toEqual(['string', [3], 3]);
    expect([label.toArray(), String(label)]).toEqual([
      [...label.data],
      `StringTensor [3] ${JSON.stringify(label.data)}`,
    ]);
    expect(scores.dims).toEqual([3, 3]);
  });

  it('is made of what a block has changed', async () => {
    const changed = await model.trace({ x }, () => {
      model.fc.output = model.fc.output * -1;
      return [save(model.output), save(model.outputs.label), save(model.outputs)[0]];
    });
    const expected = await plainLabels(x.map((row) => row.map((value) => -value)));
    expect(expected).not.toEqual(await plainLabels(x));
    expect(changed).toEqual([expected, expected, expected]);
  });

  it('can be read where code outside of the block holds its save, and in a session', async () => {
    const held: StringTensor[] = [];
    await model.trace({ x }, () => {
      held.push(save(model.output));
    });
    expect(held[0]).toBeInstanceOf(StringTensor);
    expect([held[0]!.dims, held[0]!.data]).toEqual([[3], (await plainLabels(x)).data]);
    const both = await model.session((session: typeof model) => [
      session.trace({ x }, () => save(model.output)),
      session.trace({ x: [[0, 1]] }, () => save(model.output)),
    ]);
    expect(both).toEqual([await plainLabels(x), await plainLabels([[0, 1]])]);
    expect(both[1].item()).toBe('Füße');
    expect(() => both[0].item()).toThrow(/3 elements is not one text/);
  });

  it.each([
    [100, undefined],
    [-100, 'saved'],
  ])('in a branch is there where the branch runs (%s)', async (limit, there) => {
    const label = await model.trace({ x }, () => {
      let label: unknown;
      if (sum(model.outputs.scores) > limit) label = save(model.output);
      return label;
    });
    expect(label).toEqual(there && (await plainLabels(x)));
  });

  it('is made here of the numbers that a server answers with', async () => {
    const names: string[] = [];
    const backend: Backend = {
      async run(request) {
        names.push(...request.graph.root.nodes.map(({ op }) => op));
        return model.execute(requestFromBytes(requestToBytes(request)));
      },
    };
    expect(await model.trace({ x }, () => save(model.output), { backend })).toEqual(await plainLabels(x));
    expect(names).toEqual(['read']);
  });

  it('has a dtype in a scan, and no dims', async () => {
    expect(await model.scan({ x }, () => save(model.output))).toEqual({ dtype: 'string', dims: null });
  });

  it('of texts that go in, in several dimensions', async () => {
    const path = file(
      'split.onnx',
      makeGraph(
        'g',
        [
          makeNode('StringConcat', ['texts', 'end'], ['ended'], {}, '/end/StringConcat'),
          makeNode('StringSplit', ['ended'], ['words', 'counts'], { delimiter: { string: ' ' } }, '/split/StringSplit'),
        ],
        [makeValueInfo('texts', T.STRING, ['rows']), makeValueInfo('end', T.STRING, [])],
        [makeValueInfo('words', T.STRING, ['rows', 'words']), makeValueInfo('counts', 'int64', ['rows'])],
      ),
    );
    // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
    const splitting: any = await NNsight.load(path, { device: 'cpu' });
    const { words, counts } = await splitting.trace({ texts: ['a b', 'c d é'], end: ' !' });
    const feeds = { texts: new OrtTensor('string', ['a b', 'c d é'], [2]), end: new OrtTensor('string', [' !'], []) };
    expect(words).toEqual(await plain(path, feeds, 'words'));
    const backend: Backend = {
      run: async (request) => model.execute(requestFromBytes(requestToBytes(request))),
    };
    const sent = await rejection(splitting.trace({ texts: ['a'], end: '' }, { backend }));
    expect(sent.message).toMatch(/cannot be data: its input 'texts' is made of texts/);
    expect([words.dims, words.toArray(), counts.toArray()]).toEqual([
      [2, 4],
      [
        ['a', 'b', '!', ''],
        ['c', 'd', 'é', '!'],
      ],
      [3, 4],
    ]);
  });
});

it('texts in the middle of a model', async () => {
  const path = file(
    'middle.onnx',
    makeGraph(
      'g',
      [
        makeNode('Cast', ['x'], ['h'], { to: { int: T.STRING } }, '/m/down/Cast'),
        makeNode('Cast', ['h'], ['y'], { to: { int: T.FLOAT } }, '/m/up/Cast'),
      ],
      [makeValueInfo('x', 'float32', [-1, 2])],
      [makeValueInfo('y', 'float32', [-1, 2])],
    ),
  );
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
  const middle: any = await NNsight.load(path, { device: 'cpu' });
  const { h, y } = await middle.trace({ x: [[1.5, -2]] }, () => ({
    h: save(middle.m.down.output),
    y: save(middle.output),
  }));
  expect([h.toArray(), y.toArray()]).toEqual([[['1.5', '-2']], [[1.5, -2]]]);
});

describe('texts of a block can be saved, and nothing else', () => {
  it.each<[string, () => unknown]>([
    [
      'compared',
      () => {
        'use trace';
        return save(model.output === 'cat');
      },
    ],
    [
      'a condition',
      () => {
        'use trace';
        return model.output ? 1 : 2;
      },
    ],
    [
      '!',
      () => {
        'use trace';
        return save(!model.output);
      },
    ],
    [
      '??',
      () => {
        'use trace';
        return save(model.output ?? 1);
      },
    ],
    [
      'in a template',
      () => {
        'use trace';
        return `${model.output}`;
      },
    ],
    [
      'added',
      () => {
        'use trace';
        return save(model.output + 1);
      },
    ],
    [
      'a function',
      () => {
        'use trace';
        return save(sum(model.output));
      },
    ],
    [
      'a method',
      () => {
        'use trace';
        return save(model.output.sum());
      },
    ],
    [
      'an index',
      () => {
        'use trace';
        return save(model.output[0]);
      },
    ],
    [
      'a loop',
      () => {
        'use trace';
        return [...model.output];
      },
    ],
    [
      'spread',
      () => {
        'use trace';
        return { ...model.output };
      },
    ],
    [
      'a key of it set',
      () => {
        'use trace';
        model.output[0] = 1;
      },
    ],
  ])('%s', async (_, block) => {
    const error = await rejection(model.trace({ x }, block));
    expect(error.name).toBe('TraceError');
    expect(error.message).toMatch(
      /texts\.test\.ts:\d+:\d+ - the model's output label is a tensor of texts, which can be/,
    );
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['unsaved', () => model.trace({ x }, () => model.output), /not saved/],
    ['set', () => model.trace({ x }, () => (model.output = 1)), /texts\.test\.ts:\d+:\d+ - .*is a tensor of texts/],
    [
      'in an invoke',
      () => model.trace((tracer: typeof model) => tracer.invoke({ x }, () => save(model.output))),
      /texts\.test\.ts:\d+:\d+ - .*an invoke cannot save/,
    ],
    [
      'in a bundle',
      () =>
        build(
          intervention((of: typeof model) => save(of.output)),
          CLASSIFIER,
        ),
      /is a tensor of texts, which a bundle cannot hold/,
    ],
  ])('%s', async (_, run, says) => {
    expect((await rejection(run())).message).toMatch(says);
  });

  it('read before the run', async () => {
    const error = await rejection(model.trace({ x }, () => save(model.output).data));
    expect(error.message).toMatch(/texts\.test\.ts:\d+:\d+ - the model's output label is a tensor of texts/);
    expect(thrown(() => model.output).message).toMatch(/outside of a trace/);
  });
});
