import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  LanguageModel,
  NNsight,
  requestFromJson,
  requestToJson,
  save,
  type Tensor,
  type TraceRequest,
  zeros,
} from 'onnsight';
import { afterAll, expect, test } from 'vitest';
import { matchInputs } from '../../runtime/inputs/signature.ts';
import { fixturePath } from './fixture-path.ts';

/** Small random models in optimum's files, with what transformers computes: test/tools/seq2seq_fixtures.py. */
const folderOf = (name: string) => fileURLToPath(new URL(`../fixtures/seq2seq/${name}`, import.meta.url));
const referenceOf = (name: string) => JSON.parse(readFileSync(join(folderOf(name), 'reference.json'), 'utf8'));

interface Values {
  readonly dims: readonly number[];
  readonly data: readonly number[];
}

function expectClose(tensor: unknown, { dims, data }: Values): void {
  const { dims: ownDims, data: own } = tensor as Tensor;
  expect(ownDims).toEqual(dims);
  for (const [i, value] of data.entries()) expect(Math.abs(Number(own[i]) - value)).toBeLessThan(5e-4);
}

/** BART in two files: the decoder has no cache. */
const two = mkdtempSync(join(tmpdir(), 'onnsight-'));
cpSync(folderOf('bart'), two, { recursive: true });
rmSync(join(two, 'onnx', 'decoder_with_past_model.onnx'));
afterAll(() => rmSync(two, { recursive: true }));

const MODELS = [
  { name: 't5', files: 'three files', folder: folderOf('t5') },
  { name: 'bart', files: 'three files', folder: folderOf('bart') },
  { name: 'bart', files: 'two files', folder: two },
  { name: 'whisper', files: 'a merged decoder', folder: folderOf('whisper') },
];

const promptOf = (name: string, { rows }: { rows?: number[][] }) =>
  name === 'whisper' ? { audio: join(folderOf(name), 'tone.wav') } : [rows![0]!];

test.each(MODELS)(
  '$name in $files runs as in PyTorch: values, a module that is set, tokens',
  async ({ name, folder }) => {
    const lm = await LanguageModel.load(folder, { device: 'cpu' });
    const reference = referenceOf(name);
    const prompt = promptOf(name, reference);
    const paths = Object.keys(reference.modules);
    const [layer, , , cross] = paths as [string, string, string, string];
    const values = await lm.trace(prompt, () => {
      const modules = paths.map((path) => save(lm.get(path).output));
      return { modules, logits: save(lm.output) };
    });
    expectClose(values.logits, reference.logits);
    for (const [i, path] of paths.entries()) expectClose(values.modules[i], reference.modules[path]);
    const halved = await lm.trace(prompt, () => {
      lm.get(layer).output *= 0.5;
      return save(lm.output);
    });
    expectClose(halved, reference.encoder_halved);
    for (const useCache of [true, false]) {
      const options = { maxNewTokens: 8, useCache };
      expect((await lm.generate(prompt, options)).tokens).toEqual(reference.greedy);
      const reversed = await lm.generate(prompt, options, () => {
        lm.get(layer).output *= -1;
      });
      expect(reversed.tokens).toEqual(reference.greedy_encoder_reversed);
      const doubled = await lm.generate(prompt, options, (tracer) => {
        for (const _ of tracer.iter()) lm.get(cross).output *= 2;
      });
      expect(doubled.tokens).toEqual(reference.greedy_cross_doubled);
    }
  },
);

test("the decoder's own tokens can be given, and sound by a model without its tokenizer", async () => {
  const { forced, ...reference } = referenceOf('whisper');
  const whisper = await NNsight.load(folderOf('whisper'), { device: 'cpu' });
  const inputs = { ...promptOf('whisper', reference), decoder_input_ids: [[3, 12, 55, 9]] } as never;
  expectClose((await whisper.trace(inputs)).logits, forced);
});

test('rows of other lengths are padded behind their tokens, in a batch and in invokes', async () => {
  for (const name of ['t5', 'bart']) {
    const lm = await LanguageModel.load(folderOf(name), { device: 'cpu' });
    const { rows, greedy_batch: greedy, greedy_encoder_reversed: reversed, modules } = referenceOf(name);
    const layer = Object.keys(modules)[0]!;
    expect((await lm.generate(rows, { maxNewTokens: 8 })).tokens).toEqual(greedy);
    const { tokens } = await lm.generate({ maxNewTokens: 8 }, (tracer) => {
      tracer.invoke([rows[0]], () => {
        lm.get(layer).output *= -1;
      });
      tracer.invoke([rows[1]], () => {});
    });
    expect(tokens).toEqual([reversed[0], greedy[1]]);
  }
});

test('edits are in the encoder once and in the decoder in every step; a session generates the same', async () => {
  const lm = await LanguageModel.load(folderOf('t5'), { device: 'cpu' });
  const { rows, greedy_encoder_reversed: reversed, greedy_cross_doubled: doubled, modules } = referenceOf('t5');
  const [layer, , , cross] = Object.keys(modules) as [string, string, string, string];
  const encoder = lm.edit(() => {
    lm.get(layer).output *= -1;
  });
  const decoder = lm.edit(() => {
    lm.get(cross).output *= 2;
  });
  for (const useCache of [true, false]) {
    expect((await encoder.generate([rows[0]], { maxNewTokens: 8, useCache })).tokens).toEqual(reversed);
    expect((await decoder.generate([rows[0]], { maxNewTokens: 8, useCache })).tokens).toEqual(doubled);
  }
  // What an edit takes of the encoder in a later step is what the encoder has given in the first.
  const mixed = lm.edit(() => {
    lm.encoder.output *= 2;
    lm.decoder.final_layer_norm.output += lm.encoder.output.mean();
  });
  const byHand = await lm.generate([rows[0]], { maxNewTokens: 8 }, (tracer) => {
    lm.encoder.output *= 2;
    const mean = lm.encoder.output.mean();
    for (const _ of tracer.iter()) lm.decoder.final_layer_norm.output += mean;
  });
  expect((await mixed.generate([rows[0]], { maxNewTokens: 8 })).tokens).toEqual(byHand.tokens);
  const inSession = await lm.session((session) => {
    const generated = session.generate([rows[0]], { maxNewTokens: 8 }, () => {
      lm.get(layer).output *= -1;
    });
    return save(generated.sequences);
  });
  expect((inSession.toArray() as number[][]).map((row) => row.slice(1))).toEqual(reversed);
});

test('a generation runs as data, its parts found in the model and its rules kept to', async () => {
  const lm = await LanguageModel.load(folderOf('t5'), { device: 'cpu' });
  const { rows, greedy_cross_doubled: doubled, modules } = referenceOf('t5');
  const cross = Object.keys(modules).at(-1)!;
  const backend = {
    run: (request: TraceRequest) => lm.execute(requestFromJson(JSON.parse(JSON.stringify(requestToJson(request))))),
  };
  const { tokens } = await lm.generate([rows[0]], { maxNewTokens: 8, backend }, (tracer) => {
    for (const _ of tracer.iter()) lm.get(cross).output *= 2;
  });
  expect(tokens).toEqual(doubled);
});

test.each(['decoder_model_merged.onnx', 'decoder_model.onnx'])(
  'a T5 of optimum, with %s: all modules of the decoder, those that are set, tokens',
  async (file) => {
    const lm = await LanguageModel.load(fixturePath('t5-merged'), { device: 'cpu', file });
    const { modules, inputs, writes, output } = JSON.parse(readFileSync(fixturePath('t5-merged/dec.json'), 'utf8'));
    const { prompt, greedy } = JSON.parse(readFileSync(fixturePath('t5-merged/gen.json'), 'utf8'));
    const bytes = readFileSync(fixturePath('t5-merged/dec.bin'));
    const at = ({ dims, at, n }: { dims: number[]; at: number; n: number }) => ({
      dims,
      data: Array.from({ length: n }, (_, i) => bytes.readFloatLE(4 * (at + i))),
    });
    const given = { input_ids: prompt, decoder_input_ids: [inputs.input_ids.data] };
    // Dropouts leave no trace in a file; the bias of positions is there without its first dimension.
    const paths = Object.keys(modules).filter((path) => !/dropout|relative|^shared$|\.act$/.test(path));
    expect(paths.length).toBeGreaterThan(30);
    const values = await lm.trace(given, () =>
      [lm, ...paths.map((path) => lm.get(path))].map((one) => save(one.output)),
    );
    expectClose(values[0], at(output));
    for (const [i, path] of paths.entries()) expectClose(values[i + 1], at(modules[path][0]));
    for (const write of writes.filter(({ op }: { op: string }) => op === 'scale')) {
      const logits = await lm.trace(given, () => {
        lm.get(write.path).output *= 0.5;
        return save(lm.output);
      });
      expectClose(logits, at(write.output));
    }
    const generated = await lm.generate(prompt, { maxNewTokens: 8 });
    expect(generated.sequences.toArray()).toEqual(greedy);
  },
);

test('what ran in the first step alone is an error in later ones, which a cache of all steps leaves out', async () => {
  const lm = await LanguageModel.load(folderOf('bart'), { device: 'cpu' });
  const { rows } = referenceOf('bart');
  const steps = (read: () => unknown, useCache = true) =>
    lm.generate([rows[0]], { maxNewTokens: 3, stopTokens: [], useCache }, (tracer) => {
      for (const _ of tracer.iter()) read();
    });
  const attention = lm.decoder.layers[0].encoder_attn;
  await expect(steps(() => lm.encoder.output)).rejects.toThrow(
    /encoder-decoder.test.ts:\d+:\d+ - 'model.encoder' runs in the first step of a generation alone.*iter\(0\)$/,
  );
  await expect(steps(() => attention.k_proj.output)).rejects.toThrow(
    "'model.decoder.layers.0.encoder_attn.k_proj' runs in the first step",
  );
  await steps(() => attention.k_proj.output, false);
  await expect(steps(() => attention.ops.MatMul.output)).rejects.toThrow('useCache: false');
  const { result } = await lm.generate([rows[0]], { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
    const kept = tracer.cache({ modules: [lm.encoder, lm.decoder.layers[1], attention.k_proj] });
    const patterns: Tensor[] = [];
    for (const _ of tracer.iter()) patterns.push(save(attention.ops.Softmax.output) as unknown as Tensor);
    return { kept, patterns };
  });
  const kept = result.kept as unknown as Record<string, { calls?: readonly unknown[] }>;
  expect(Object.values(kept).map(({ calls }) => calls?.length ?? 1)).toEqual([1, 3, 1]);
  expect(result.patterns.map(({ dims }) => dims)).toEqual([1, 1, 1].map(() => [1, 2, 1, 9]));
});

test('where tokens stand behind a cache is filled in', () => {
  const ids = { name: 'decoder_input_ids', dtype: 'int64', dims: ['batch', 'tokens'] } as const;
  const past = { name: 'past_key_values.0.decoder.key', dtype: 'float32', dims: ['batch', 2, 'past', 8] } as const;
  const positions = { name: 'cache_position', dtype: 'int64', dims: ['tokens'] } as const;
  const given = { [ids.name]: [[5, 6]], [past.name]: zeros(1, 2, 3, 8) };
  const prepared = matchInputs([ids, past, positions], given);
  expect((prepared.get('cache_position') as Tensor).toArray()).toEqual([3, 4]);
});

test("the model's own inputs and outputs in later steps are those of their names", async () => {
  const lm = await LanguageModel.load(folderOf('bart'), { device: 'cpu' });
  const { rows, greedy } = referenceOf('bart');
  const { result } = await lm.generate([rows[0]], { maxNewTokens: 3, stopTokens: [] }, (tracer) => {
    const tokens: Tensor[] = [];
    const keys: Tensor[] = [];
    for (const _ of tracer.iter()) {
      tokens.push(save(lm.inputs.decoder_input_ids));
      keys.push(save(lm.outputs['present.1.decoder.key']));
    }
    return { tokens, keys };
  });
  expect(result.tokens.map((ids) => ids.item())).toEqual([2, ...greedy[0].slice(0, 2)]);
  expect(result.keys.map(({ dims }) => dims)).toEqual([1, 2, 3].map((length) => [1, 2, length, 8]));
  const later = (read: () => unknown) =>
    lm.generate([rows[0]], { maxNewTokens: 2, stopTokens: [] }, (tracer) => {
      for (const _ of tracer.iter(1)) read();
    });
  for (const read of [() => lm.input, () => lm.outputs.encoder_last_hidden_state, () => lm.decoder.input])
    await expect(later(read)).rejects.toThrow('is not there in later steps of a generation, or is another tensor');
  await later(() => lm.decoder.layers[1].input);
});
