import { readFileSync } from 'node:fs';
import { NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { EXPORTERS, modelPath, type Reference, reference } from '../model/reference.ts';
import { expectClose, maxDifference } from '../support/toy.ts';

interface Zoo {
  /** Modules that agree with PyTorch and modules that ran in PyTorch, by either exporter: the numbers of the README. */
  readonly agree: readonly [number, number];
  /** The middle module whose output is halved. */
  readonly halved: string;
  /** Modules that leave no operation and no name in the file. */
  readonly nameless?: readonly string[];
  /** Modules whose output is computed no more, and the module that took them in. */
  readonly fused?: Readonly<Record<string, string>>;
}

const ZOO: Readonly<Record<string, Zoo>> = {
  bert: {
    agree: [37, 42],
    halved: 'model.encoder.layer.0.attention.self',
    nameless: [
      'model.embeddings.dropout',
      'model.encoder.layer.0.attention.output.dropout',
      'model.encoder.layer.0.output.dropout',
      'model.encoder.layer.1.attention.output.dropout',
      'model.encoder.layer.1.output.dropout',
    ],
  },
  cnn: { agree: [13, 14], halved: 'block.0', fused: { 'stem.0': 'stem.1' } },
  gpt2: {
    agree: [26, 31],
    halved: 'model.transformer.h.0.mlp',
    nameless: [
      'model.transformer.drop',
      'model.transformer.h.0.attn.resid_dropout',
      'model.transformer.h.0.mlp.dropout',
      'model.transformer.h.1.attn.resid_dropout',
      'model.transformer.h.1.mlp.dropout',
    ],
  },
  llama: { agree: [32, 32], halved: 'model.model.layers.0.mlp' },
  mlp: { agree: [2, 2], halved: 'layer1' },
  rnn: { agree: [3, 3], halved: 'act' },
  sae: { agree: [3, 3], halved: 'relu' },
  'sigmoid-mlp': { agree: [4, 4], halved: 'sigma1' },
  vit: {
    agree: [29, 32],
    halved: 'model.layers.0.mlp',
    nameless: ['model.embeddings.dropout', 'model.layers.0.dropout', 'model.layers.1.dropout'],
  },
};

interface FullReference extends Reference {
  readonly output: { readonly dims: number[]; readonly data?: number[]; readonly first?: number[] };
}

const load = (name: string, exporter: string) => NNsight.load(modelPath(name, exporter), { device: 'cpu' });
type Loaded = Awaited<ReturnType<typeof load>>;

const tensors = ({ inputs }: Reference) =>
  Object.fromEntries(Object.entries(inputs).map(([name, { dims, data }]) => [name, nest(data, dims)]));

/** Flat data as the nested arrays that a user would write. */
function nest(data: readonly number[], dims: readonly number[]): number[] {
  const [length = 1, ...inner] = dims;
  if (inner.length === 0) return [...data];
  const size = data.length / length;
  return Array.from({ length }, (_, i) => nest(data.slice(i * size, (i + 1) * size), inner)) as never;
}

const values = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

/** Reads a module's output as a trace that saves nothing else would, to see the error. */
function readOne(model: Loaded, path: string, inputs: ReturnType<typeof tensors>): Promise<unknown> {
  return model.trace(inputs, () => save(model.get(path).output));
}

/** The model's output with a module's (first) output halved, and what the module's output then reads as. */
function halve(model: Loaded, path: string, inputs: ReturnType<typeof tensors>) {
  return model.trace(inputs, () => {
    const module = model.get(path);
    module.output *= 0.5;
    return { output: save(model.output), module: save(module.output) };
  });
}

describe.each(Object.entries(ZOO))('%s', (name, { agree, halved, nameless = [], fused = {} }) => {
  const expected = reference(`zoo/${name}`) as FullReference;
  const inputs = tensors(expected);
  const readable = Object.entries(expected.modules).filter(
    ([path]) => !nameless.includes(path) && !Object.hasOwn(fused, path),
  );

  it.each(EXPORTERS)('one trace reads every output that PyTorch saw (%s exporter)', async (exporter) => {
    const model = await load(`zoo/${name}`, exporter);
    const found = await model.trace(inputs, () => {
      const outputs: Record<string, unknown> = {};
      for (const [path, calls] of readable) {
        const module = model.get(path);
        if (calls.length === 1) outputs[path] = [save(module.output)];
        else outputs[path] = module.calls.map((call) => save(call.output));
      }
      return { modules: outputs, output: save(model.output) };
    });
    const modules = found.modules as Record<string, Tensor[]>;
    let agreeing = 0;
    for (const [path, calls] of readable) {
      expect(model.get(path).calls.length, `calls of ${path}`).toBe(calls.length);
      expect(modules[path]!.length).toBe(calls.length);
      for (const [i, call] of calls.entries()) expectClose(modules[path]![i]!, call);
      agreeing++;
    }
    expectClose(found.output, expected.output);
    expect([agreeing, Object.keys(expected.modules).length]).toEqual(agree);
  });

  it.each(EXPORTERS)('what the file has lost is an error that says so (%s exporter)', async (exporter) => {
    const model = await load(`zoo/${name}`, exporter);
    for (const path of nameless) {
      await expect(readOne(model, path, inputs), path).rejects.toThrow(`no module ${path}`);
    }
    for (const [path, into] of Object.entries(fused)) {
      await expect(readOne(model, path, inputs)).rejects.toThrow(`read ${into}.output instead`);
    }
  });

  it(`halving ${halved} changes the output, the same in both files, and only in that trace`, async () => {
    const outputs: number[][] = [];
    for (const exporter of EXPORTERS) {
      const model = await load(`zoo/${name}`, exporter);
      const steered = await halve(model, halved, inputs);
      const { dims, first } = expected.modules[halved]![0]!;
      expectClose(steered.module, { dims, first: first.map((value) => value / 2) });
      const clean = await model.trace(inputs, () => save(model.output));
      expectClose(clean, expected.output);
      expect(maxDifference(values(steered.output), values(clean))).toBeGreaterThan(1e-3);
      outputs.push(values(steered.output));
    }
    expect(maxDifference(outputs[0]!, outputs[1]!)).toBeLessThan(1e-4);
  });
});

it('the README tells these numbers', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  for (const [name, { agree }] of Object.entries(ZOO)) {
    expect(readme).toContain(`| ${name} | ${agree.join(' / ')} | ${agree.join(' / ')} |`);
  }
});

it.each(EXPORTERS)('halving one call of a module leaves the calls before it alone (%s exporter)', async (exporter) => {
  const model = await load('zoo/rnn', exporter);
  const expected = reference('zoo/rnn');
  const heads: string[] = [];
  for (const halved of [0, 1, 2]) {
    const { cells, head } = await model.trace(tensors(expected), () => {
      model.act.calls[halved].output *= 0.5;
      return { cells: [0, 1, 2].map((i) => save(model.cell.calls[i].output)), head: save(model.head.output) };
    });
    for (const [i, { first }] of expected.modules.cell!.entries()) {
      const moved = maxDifference(first, values((cells as Tensor[])[i]!));
      if (i <= halved) expect(moved).toBeLessThan(1e-4);
      else expect(moved).toBeGreaterThan(1e-3);
    }
    heads.push(
      values(head)
        .map((value) => value.toFixed(4))
        .join(),
    );
  }
  expect(new Set(heads).size).toBe(3);
});

describe('a dropout in a numbered list reads as its input', () => {
  const cases = [
    ['edge/siamese', 'enc.2', 'enc.1'],
    ['edge/same', 'h.net.1', 'h.net.0'],
  ] as const;
  it.each(cases.flatMap((one) => EXPORTERS.map((exporter) => [...one, exporter] as const)))(
    '%s: %s is %s (%s exporter)',
    async (name, dropout, before, exporter) => {
      const model = await load(name, exporter);
      const expected = reference(name);
      const [tried, usual] = [expected.modules[dropout]!, tensors(expected)];
      expect(model.get(dropout).calls.length).toBe(tried.length);
      const got = await model.trace(usual, () => {
        const calls = tried.map((_, i) => ({
          output: save(model.get(dropout).calls[i]!.output),
          input: save(model.get(dropout).calls[i]!.input),
          before: save(model.get(before).calls[i]!.output),
        }));
        return { calls, output: save(model.output) };
      });
      for (const [i, { output, input, before }] of (got.calls as Record<string, Tensor>[]).entries()) {
        expectClose(output!, tried[i]!);
        expect(values(output!)).toEqual(values(before!));
        expect(values(input!)).toEqual(values(before!));
      }
      const written = await model.trace(usual, () => {
        model.get(dropout).input = model.get(dropout).input * 0.5;
        return { output: save(model.output), dropout: save(model.get(dropout).output) };
      });
      const halved = await model.trace(usual, () => {
        model.get(before).output *= 0.5;
        return save(model.output);
      });
      expect(maxDifference(values(halved), values(got.output))).toBeGreaterThan(1e-3);
      expect(maxDifference(values(written.output), values(halved))).toBeLessThan(1e-5);
      expect(
        maxDifference(
          tried[0]!.first.map((value) => value / 2),
          values(written.dropout),
        ),
      ).toBeLessThan(1e-4);
    },
  );
});
