import {
  copyFileSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LanguageModel, NNsight, requestFromJson, requestToJson, save, type Tensor } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { atLocation, externalEntry, isExternal } from '../../runtime/onnx/external.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { mapTensors } from '../../runtime/onnx/tensors.ts';
import { TOY } from '../support/toy.ts';
import { rejection } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'onnsight-changed-'));
afterAll(() => rmSync(folder, { recursive: true }));

const GPT2 = fileURLToPath(new URL('../fixtures/zoo/gpt2.ts.onnx', import.meta.url));
const inputs = { input_ids: [[1, 5, 9]] };
const WEIGHT = 'transformer.h.1.mlp.c_proj.weight';

let made = 0;
function copied(): string {
  const path = join(folder, `model-${made++}.onnx`);
  copyFileSync(GPT2, path);
  return path;
}

/** The bytes of the model with one weight three times as large. */
async function otherWeights(): Promise<Buffer> {
  const { graph } = await readModel(GPT2);
  const tensor = graph.initializer.find(({ name }) => name.endsWith(WEIGHT))!;
  const offset = Number(externalEntry(tensor, 'offset'));
  const bytes = readFileSync(GPT2);
  for (let at = offset; at < offset + Number(externalEntry(tensor, 'length')); at += 4)
    bytes.writeFloatLE(bytes.readFloatLE(at) * 3, at);
  return bytes;
}

/** The same model with its large weights in a file of another name. */
async function moved(name: string): Promise<string> {
  const { proto } = await readModel(GPT2);
  copyFileSync(GPT2, join(folder, `${name}.bin`));
  const path = join(folder, `${name}.onnx`);
  writeFileSync(
    path,
    encodeModel(mapTensors(proto, (one) => (isExternal(one) ? atLocation(one, `${name}.bin`) : one))),
  );
  return path;
}

describe('a file that changes while a model is open', () => {
  const changes: [string, (path: string) => Promise<void>, RegExp][] = [
    [
      'is written in place',
      async (path) => {
        const descriptor = openSync(path, 'r+');
        writeSync(descriptor, await otherWeights());
      },
      /was written to after the model was opened/,
    ],
    [
      'is written in place, with the time of before',
      async (path) => {
        const { atime, mtime } = statSync(path);
        const descriptor = openSync(path, 'r+');
        writeSync(descriptor, await otherWeights());
        utimesSync(path, atime, mtime);
      },
      /may have been written to: its status changed after the model was opened/,
    ],
    ['is cut short', async (path) => truncateSync(path, 2000), /was written to: it had \d+ bytes and has 2000 now/],
    [
      'is replaced',
      async (path) => {
        writeFileSync(`${path}.new`, await otherWeights());
        renameSync(`${path}.new`, path);
      },
      /is another file now: it was replaced after the model was opened/,
    ],
    ['is removed', async (path) => rmSync(path), /is gone: it was removed/],
    [
      'becomes a link to itself',
      async (path) => {
        rmSync(path);
        symlinkSync(path, path);
      },
      /became something that cannot be read \(ELOOP/,
    ],
  ];
  const open = {
    'of one file': async () => {
      const path = copied();
      return { path, changing: path };
    },
    'with weights in a file of their own': async () => {
      const path = await moved(`weights-${made++}`);
      return { path, changing: path.replace('.onnx', '.bin') };
    },
  };

  it.each(Object.keys(open) as (keyof typeof open)[])(
    '%s: a link that is turned to another file leaves a model what it was',
    async (kind) => {
      const { path, changing } = await open[kind]();
      const other = `${changing}.other`;
      writeFileSync(other, await otherWeights());
      renameSync(changing, `${changing}.first`);
      const turn = (to: string) => {
        symlinkSync(to, `${changing}.next`);
        renameSync(`${changing}.next`, changing);
      };
      const load = () => NNsight.load(path, { device: 'cpu' });
      const logits = async (model: Awaited<ReturnType<typeof load>>) => {
        const found = await model.trace(inputs, () => save(model.model.lm_head.output));
        return String(found.data);
      };
      turn(`${changing}.first`);
      const model = await load();
      const expected = await logits(await load());
      turn(other);
      expect(await logits(model)).toBe(expected);
      const now = await load();
      expect(await logits(now)).not.toBe(expected);
      turn(`${changing}.first`);
      expect(await logits(now)).not.toBe(expected);
      expect(await logits(model)).toBe(expected);
    },
  );

  for (const [kind, make] of Object.entries(open)) {
    it.each(changes)(`${kind}: %s`, async (_, change, says) => {
      const { path, changing } = await make();
      // A time that a program can put back: without parts of a millisecond.
      utimesSync(changing, 1e9, 1e9);
      // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
      const model: any = await NNsight.load(path, { device: 'cpu' });
      await model.trace(inputs, () => save(model.output));
      await change(changing);
      for (const again of [
        () => model.trace(inputs, () => save(model.output)),
        () => model.trace(inputs, () => save(model.model.transformer.h[1].output.norm())),
      ]) {
        const error = await rejection(again());
        expect(error.name).toBe('ModelError');
        expect(error.message).toContain(changing);
        expect(error.message).toMatch(says);
        expect(error.message).toMatch(/Load the model again/);
      }
    });
  }

  it('is what the first use of it says, whatever that is', async () => {
    const path = join(folder, 'language');
    const model = join(path, 'model.onnx');
    const uses: ((lm: LanguageModel) => Promise<unknown>)[] = [
      (lm) => lm.generate('The Eiffel', { maxNewTokens: 2 }),
      (lm) => lm.trace('The Eiffel', () => save(lm.lm_head.output)),
      (lm) => lm.scan('The Eiffel', () => lm.lm_head.output.shape),
    ];
    for (const use of uses) {
      cpSync(TOY, path, { recursive: true });
      const lm = await LanguageModel.load(path, { device: 'cpu' });
      writeFileSync(`${model}.new`, readFileSync(model));
      renameSync(`${model}.new`, model);
      const error = await rejection(use(lm));
      expect(error.name).toBe('ModelError');
      expect(error.message).toContain(`${model} is another file now`);
    }
  });
});

describe('a request names its model by graph and weights', () => {
  const numbers = ([tensor]: readonly (Tensor | undefined)[]) => Array.from(tensor!.data as ArrayLike<number>);
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
  const load = (path: string): Promise<any> => NNsight.load(path, { device: 'cpu' });

  it('whatever its files are called, and not by their names', async () => {
    const model = await load(GPT2);
    let text = '';
    const backend = {
      async run(request: Parameters<typeof requestToJson>[0]) {
        text = JSON.stringify(requestToJson(request));
        return request.graph.saves.map(() => undefined);
      },
    };
    await model.trace(inputs, () => save(model.output), { backend });
    const request = () => requestFromJson(JSON.parse(text));
    const own = numbers(await model.execute(request()));

    for (const path of [copied(), await moved('elsewhere')]) {
      expect(numbers(await (await load(path)).execute(request()))).toEqual(own);
    }
    const other = join(folder, 'gpt2.ts.onnx');
    writeFileSync(other, await otherWeights());
    await expect((await load(other)).execute(request())).rejects.toThrow(/made for another model/);
  });
});
