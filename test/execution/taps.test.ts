import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { LanguageModel, NNsight, norm, ReuseScope, type RunStats, save, type Tensor, where } from 'onnsight';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { Engine } from '../../runtime/execution/engine.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { TOY } from '../support/fixtures.ts';
import { built, ids, names } from './engines.ts';
import { expectAgreement } from './ways.ts';

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
type Loaded = any;
const inputs = ids([1, 2, 3, 4, 5], [9, 8, 7, 6, 5]);

let tapped: Loaded;
let whole: Loaded;
let vector: number & Tensor;
let other: number & Tensor;
beforeAll(async () => {
  tapped = await NNsight.load(TOY, { device: 'cpu', segmentation: 'taps' });
  whole = await NNsight.load(TOY, { device: 'cpu', segmentation: 'off' });
  const { h } = whole.transformer;
  [vector, other] = await whole.trace(inputs, () => [save(h[1].output['0, -1']), save(h[2].output)]);
});

interface Options {
  readonly given?: unknown;
  readonly reuse?: ReuseScope;
  readonly signal?: AbortSignal;
  readonly onProgress?: () => void;
}

/** Runs a block with taps and in the whole model, of which both must give the same. What ran with taps. */
async function run(block: (model: Loaded) => unknown, { given = inputs, ...options }: Options = {}): Promise<RunStats> {
  let stats: RunStats | null = null;
  const onStats = (seen: RunStats) => {
    stats = seen;
  };
  const results = await tapped.trace(given, () => block(tapped), { onStats, ...options });
  const expected = await whole.trace(given, () => block(whole));
  expectAgreement(
    new Map([
      ['off', expected],
      ['taps', results],
    ] as const),
    'the block',
  );
  return stats!;
}

const hasTaps = (stats: RunStats) => names(stats).some((name) => name.startsWith('the model with taps'));

const BLOCKS: Record<string, (model: Loaded) => unknown> = {
  'reads the ends of all layers': ({ transformer: { h } }) => {
    'use trace';
    const all = [];
    for (const layer of h) all.push(save(layer.output), save(layer.input));
    return all;
  },
  'computes something of them': ({ transformer: { h }, lm_head }) => {
    'use trace';
    return [save(norm(h[1].output['0, -1'])), save(lm_head.output['0, -1'])];
  },
  'scales a layer': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].output *= 0.5;
    return [save(output), save(h[1].output)];
  },
  'scales a layer by a number that the graph computes': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].output = h[1].output * norm(vector) - vector;
    return [save(output)];
  },
  'takes a layer from a vector': ({ transformer: { h }, output }) => {
    'use trace';
    h[2].output = vector - h[2].output * 2;
    h[1].output = -h[1].output;
    return [save(output)];
  },
  'sets a position': ({ transformer: { h }, lm_head }) => {
    'use trace';
    h[0].output[':, 2'] = other[':, 2'];
    return [save(lm_head.output['0, -1'])];
  },
  'changes positions, one after the other': ({ transformer: { h }, output }) => {
    'use trace';
    h[0].output[':, -1'] *= 2;
    h[0].output[':, -2'] += vector;
    h[0].output[':, -3'] -= 1;
    h[0].output['1, 0:1'] = 0;
    h[0].output['0, 0, 1:'] *= 2;
    return [save(output)];
  },
  'changes a view of a view': ({ transformer: { h }, output }) => {
    'use trace';
    const row = h[1].output[1];
    row[2] = 0;
    row[3] += vector;
    const part = row['0:2'];
    part['0, :7'] *= 3;
    return [save(output)];
  },
  'sets what a condition chooses': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].output = where(other > 0, h[1].output, 0);
    h[2].output = where(vector > 0, vector, h[2].output * 2);
    return [save(output)];
  },
  'sets by a mask and by indices': ({ transformer: { h }, output }) => {
    'use trace';
    const mask: Loaded = other > 1;
    h[1].output[mask] = 0.5;
    h[2].output[':, [0, 3]'] = vector;
    return [save(output)];
  },
  'sets inputs of layers': ({ transformer: { h }, output }) => {
    'use trace';
    h[0].input = h[0].input * 2;
    h[3].input[0] = 0;
    return [save(output)];
  },
  'sets what the unembedding alone takes in': ({ transformer, lm_head, output }) => {
    'use trace';
    lm_head.input = transformer.output * norm(transformer.output);
    return [save(output), save(transformer.output)];
  },
  'changes what enters the unembedding': ({ transformer, lm_head }) => {
    'use trace';
    transformer.output[':, -1'] += norm(transformer.output);
    return [save(lm_head.output[':, -1'])];
  },
  'keeps what is not a number where it is': ({ transformer: { h }, output }) => {
    'use trace';
    h[0].output[1] = Number.NaN;
    h[1].output[1] *= 0;
    h[2].output['1, 2:'] = 1;
    h[3].output['1, 2:'] = where(vector > 0, 1, 2);
    return [save(output)];
  },
  'reads inside of layers': ({ transformer: { h }, output }) => {
    'use trace';
    const all = [save(output)];
    for (const layer of h) all.push(save(layer.attn.output), save(layer.mlp.output), save(layer.output));
    return all;
  },
  'sets an attention': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].attn.output = 0;
    return [save(output), save(h[1].attn.output)];
  },
  'changes attentions, MLPs and layers': ({ transformer: { h }, lm_head }) => {
    'use trace';
    h[0].attn.output[':, -1'] *= 2;
    h[1].mlp.output += vector;
    h[1].output *= 0.5;
    h[3].mlp.output[0] = other[0];
    return [save(lm_head.output['0, -1']), save(h[2].mlp.output)];
  },
  'gets a direction from the weights': ({ transformer: { h }, lm_head }) => {
    'use trace';
    h[1].output += lm_head.weight[5];
    return [save(lm_head.output['0, -1'])];
  },
};

describe.each(Object.entries(BLOCKS))('a block that %s', (_, block) => {
  it('runs with taps, and gives what the whole model gives', async () => {
    expect(hasTaps(await run(block))).toBe(true);
  });
});

const OTHERS: Record<string, (model: Loaded) => unknown> = {
  'sets a layer to what it computes of another one': ({ transformer: { h }, output }) => {
    'use trace';
    h[2].output += h[0].output;
    return [save(output)];
  },
  'sets a layer to what it computes of its own value': ({ transformer: { h }, output }) => {
    'use trace';
    h[3].output[':, -1'] += norm(h[3].output);
    h[1].output[':, 1'] = h[1].output[':, 0'];
    return [save(output)];
  },
  'adds before it multiplies': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].output = (h[1].output + vector) * 2;
    return [save(output)];
  },
  'adds twice': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].output = h[1].output + 1e8 - 1e8;
    return [save(output)];
  },
  'reads an operation inside a layer': ({ transformer: { h }, output }) => {
    'use trace';
    return [save(h[1].attn.ops.Softmax.output), save(output)];
  },
  'sets what a module of a module gives': ({ transformer: { h }, output }) => {
    'use trace';
    h[1].mlp.c_fc.output *= 2;
    return [save(output)];
  },
  'needs the front alone': ({ transformer: { h } }) => {
    'use trace';
    return [save(h[1].output)];
  },
  'needs no front': ({ transformer: { h }, output }) => {
    'use trace';
    h[2].output = other;
    return [save(output)];
  },
  'calls a module': ({ transformer, lm_head }) => {
    'use trace';
    return [save(lm_head(transformer.ln_f(transformer.h[1].output))), save(transformer.h[3].output)];
  },
};

it.each(Object.entries(OTHERS))('a block that %s runs in segments', async (_, block) => {
  expect(hasTaps(await run(block))).toBe(false);
});

it('a change that another one takes back is an error, as in segments', async () => {
  const block = ({ transformer: { h }, output }: Loaded) => {
    'use trace';
    h[2].input = h[2].input * 3;
    h[1].output *= 0.5;
    return [save(output)];
  };
  await expect(run(block)).rejects.toThrow(/transformer\.h\.1\.output is set, but nothing .* depends on it/);
});

it('a change inside of a layer that another one takes back is an error, too', async () => {
  const block = ({ transformer: { h }, output }: Loaded) => {
    'use trace';
    h[1].ln_1.output *= 0.5;
    h[1].attn.output = other;
    return [save(output)];
  };
  await expect(run(block)).rejects.toThrow(/transformer\.h\.1\.ln_1\.output is set, but nothing .* depends on it/);
});

it('other numbers, positions and inputs are only data', async () => {
  const steered = (factor: number, position: number) => (model: Loaded) => {
    'use trace';
    model.transformer.h[1].output[`:, ${position}`] *= factor;
    return [save(model.output)];
  };
  await run(steered(2, 0));
  for (const [block, given] of [
    [steered(-3, 4), inputs],
    [steered(0, -1), ids([3, 2, 1])],
  ] as const) {
    const stats = await run(block, { given });
    expect([hasTaps(stats), built(stats)]).toEqual([true, []]);
  }
});

it('each invoke changes its own rows', async () => {
  const [one, two] = [ids([1, 2, 3, 4]), ids([7, 8, 9, 6])];
  const batch = (model: Loaded) => (tracer: Loaded) => {
    'use trace';
    const { h } = model.transformer;
    return [
      tracer.invoke(one, () => {
        h[1].output *= 2;
        return save(model.output);
      }),
      tracer.invoke(two, () => {
        h[1].output[':, -1'] = vector;
        h[2].output += vector;
        return save(model.output);
      }),
    ];
  };
  const seen: RunStats[] = [];
  const ran = await tapped.trace(batch(tapped), { onStats: (stats: RunStats) => seen.push(stats) });
  const expected = await whole.trace(batch(whole));
  expectAgreement(
    new Map([
      ['off', expected],
      ['taps', ran],
    ] as const),
    'the batch',
  );
  expect(seen.map(hasTaps)).toEqual([true]);
});

it('the row-wise end runs for what is read alone', async () => {
  const ran = async (block: (model: Loaded) => unknown) =>
    names(await run(block)).filter((name) => name !== 'interventions');
  const [layers, end] = ['the model with taps (1 of 2)', 'the model with taps (2 of 2)'];
  const all = ({ output }: Loaded) => {
    'use trace';
    return [save(output)];
  };
  const last = ({ lm_head }: Loaded) => {
    'use trace';
    return [save(lm_head.output['0, -1'])];
  };
  const layer = ({ transformer: { h } }: Loaded) => {
    'use trace';
    return [save(h[3].output)];
  };
  expect(await ran(all)).toEqual(['the model with taps']);
  expect(await ran(last)).toEqual([layers, end]);
  expect(await ran(layer)).toEqual([layers]);
});

it('steps of a generation run with taps', async () => {
  let tappedSteps = 0;
  const runs = Engine.prototype.run;
  vi.spyOn(Engine.prototype, 'run').mockImplementation(function (this: Engine, graph, given, options) {
    const onStats = (stats: RunStats) => {
      if (hasTaps(stats)) tappedSteps++;
    };
    return runs.call(this, graph, given, { ...options, onStats });
  });
  const steered = async (segmentation: 'taps' | 'off') => {
    const lm: Loaded = await LanguageModel.load(dirname(TOY), { device: 'cpu', segmentation });
    const { tokens, result } = await lm.generate(
      'The Eiffel Tower is in the city of',
      (tracer: Loaded) => {
        const norms: unknown[] = [];
        for (const _ of tracer.iter()) {
          lm.transformer.h[2].output += vector;
          norms.push(save(norm(lm.transformer.h[3].output)));
        }
        return norms;
      },
      { maxNewTokens: 3 },
    );
    return [tokens, result.map((one: Tensor) => one.item().toFixed(3))];
  };
  expect(await steered('taps')).toEqual(await steered('off'));
  expect(tappedSteps).toBe(3);
  vi.restoreAllMocks();
});

it('a generation of some tokens has one session from its first step on, and with more taps where it needs them', async () => {
  const lm: Loaded = await LanguageModel.load(dirname(TOY), { device: 'cpu', segmentation: 'auto' });
  const same: Loaded = await LanguageModel.load(dirname(TOY), { device: 'cpu', segmentation: 'off' });
  const generated = async (model: Loaded, module: (layer: Loaded) => Loaded) => {
    const seen: RunStats[] = [];
    const { tokens } = await model.generate(
      'The Eiffel Tower is in the city of',
      (tracer: Loaded) => {
        for (const _ of tracer.iter()) module(model.transformer.h[2]).output += vector;
      },
      {
        maxNewTokens: 8,
        stopTokens: [],
        signal: new AbortController().signal,
        onStats: (one: RunStats) => seen.push(one),
      },
    );
    return { tokens, seen };
  };
  for (const module of [(layer: Loaded) => layer, (layer: Loaded) => layer.attn]) {
    const [{ tokens, seen }, expected] = [await generated(lm, module), await generated(same, module)];
    expect(tokens).toEqual(expected.tokens);
    expect(seen).toHaveLength(8);
    expect(seen.every(hasTaps)).toBe(true);
  }
});

describe.each<['float16' | 'float32' | 'float64', number]>([
  ['float16', 2e-3],
  ['float32', 1e-6],
  ['float64', 1e-12],
])('a model of %s', (dtype, tolerance) => {
  it('has taps of that dtype', async () => {
    const weights = [0.5, -0.25, 0.75, 0.5];
    const nodes = [0, 1, 2].flatMap((i) => [
      makeNode('MatMul', [i === 0 ? 'x' : `y${i - 1}`, 'w'], [`a${i}`], {}, `/h.${i}/fc/MatMul`),
      makeNode('Tanh', [`a${i}`], [`y${i}`], {}, `/h.${i}/act/Tanh`),
    ]);
    nodes.push(makeNode('Neg', ['y2'], ['z'], {}, '/last/Neg'));
    const [x, z] = ['x', 'z'].map((name) => makeValueInfo(name, dtype, [null, 2]));
    const graph = makeGraph('g', nodes, [x!], [z!], [makeTensor('w', dtype, weights, [2, 2])]);
    const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), `${dtype}.onnx`);
    writeFileSync(path, encodeModel(makeModel(graph, 17)));
    const model: Loaded = await NNsight.load(path, { device: 'cpu', segmentation: 'taps' });
    let stats: RunStats | null = null;
    const [end] = await model.trace(
      { x: [[1, -2]] },
      () => {
        model.h[0].output *= 3;
        model.h[1].output[':, 0'] -= 0.5;
        model.h[1].output[':, 1'] = 0.25;
        return [save(model.output)];
      },
      {
        onStats: (seen: RunStats) => {
          stats = seen;
        },
      },
    );
    const layer = ([a, b]: [number, number]): [number, number] => [
      Math.tanh(a * weights[0]! + b * weights[2]!),
      Math.tanh(a * weights[1]! + b * weights[3]!),
    ];
    const [a, b] = layer([1, -2]);
    const [c] = layer([3 * a, 3 * b]);
    const expected = layer([c - 0.5, 0.25]).map((value) => -value);
    expect([hasTaps(stats!), end.dtype]).toEqual([true, dtype]);
    for (const [i, value] of expected.entries()) expect(Math.abs(end.data[i] - value)).toBeLessThan(tolerance);
  });
});

it('who shares runs, watches them or may end them has segments', async () => {
  const read = ({ output }: Loaded) => {
    'use trace';
    return [save(output)];
  };
  expect(hasTaps(await run(read))).toBe(true);
  expect(hasTaps(await run(read, { reuse: new ReuseScope() }))).toBe(false);
  expect(hasTaps(await run(read, { signal: new AbortController().signal }))).toBe(false);
  expect(hasTaps(await run(read, { onProgress: () => {} }))).toBe(false);
});
