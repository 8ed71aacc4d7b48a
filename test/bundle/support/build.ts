import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Inputs, LanguageModel } from 'onnsight';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll } from 'vitest';
import { isIntervention } from '../../../runtime/api/intervention.ts';
import { ModelMap } from '../../../runtime/api/model-map.ts';
import { type BuildOptions, buildBundle } from '../../../runtime/bundle/build/build.ts';
import { writeBundle } from '../../../runtime/bundle/build/write.ts';
import { readModel } from '../../../runtime/onnx/read.ts';
import { Tensor } from '../../../runtime/tensor/tensor.ts';
import { TOY } from '../../support/toy.ts';

const root = mkdtempSync(join(tmpdir(), 'onnsight-bundle-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

/** A folder of this test file, which is gone when it has ended. */
export function freshFolder(): string {
  return join(root, String(count++));
}

export const TOY_MODEL = `${TOY}/model.onnx`;

const maps = new Map<string, ModelMap>();

type Options = Partial<BuildOptions> & { readonly model?: string; readonly folder?: string };

/** Compiles an intervention into a folder. */
export async function compileTo(value: unknown, options: Options = {}): Promise<string> {
  const { model = TOY_MODEL, folder = freshFolder(), ...rest } = options;
  writeBundle(await build(value, model, rest), folder);
  return folder;
}

export async function build(value: unknown, model = TOY_MODEL, options: Partial<BuildOptions> = {}) {
  if (!isIntervention(value)) throw new Error('no intervention');
  const source = { file: 'test.ts', line: 1, column: 1 };
  const map = maps.get(model) ?? new ModelMap(await readModel(model));
  maps.set(model, map);
  return buildBundle(map, value, { name: 'steer', source, ...options });
}

/** Runs an intervention on a loaded model. */
export function runLive(value: unknown, model: unknown, inputs: Inputs): Promise<unknown> {
  return (value as (model: LanguageModel, inputs: Inputs) => Promise<unknown>)(model as LanguageModel, inputs);
}

/** The tensors in a result, by their paths in it; a result that is one tensor is called `result`. */
export function tensorsIn(value: unknown, path = ''): Record<string, Tensor> {
  if (value instanceof Tensor) return { [path || 'result']: value };
  if (typeof value !== 'object' || value === null) return {};
  const fields = Object.entries(value).map(([key, field]) => tensorsIn(field, path ? `${path}.${key}` : key));
  return Object.assign({}, ...fields);
}

/** Runs a bundle's model as any host would: with onnxruntime-node and what the language model convention asks for. */
export async function runBare(folder: string, inputs: Inputs, name = 'steer'): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(join(folder, `${name}.onnx`));
  const tokens = inputs.input_ids as number[][];
  const [batch, sequence] = [tokens.length, tokens[0]!.length];
  const feeds: Record<string, OrtTensor> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) throw new Error(`${input.name} is no tensor`);
    const data = inputs[input.name];
    const make = (value: unknown, dims?: readonly number[]) => {
      const { dtype, dims: sizes, raw } = Tensor.from(value as number[], input.type as 'float32', dims);
      feeds[input.name] = new OrtTensor(dtype as 'float32', raw, sizes);
    };
    if (data !== undefined) make(data);
    else if (input.name === 'attention_mask') make(tokens.map((row) => row.map(() => 1)));
    else if (input.name === 'position_ids') make(tokens.map((row) => row.map((_, i) => i)));
    else if (input.name.startsWith('past_key_values')) make([], [batch, 4, 0, 32]);
    else throw new Error(`${input.name} is missing (${batch} × ${sequence})`);
  }
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([key, { type, dims, data }]) => [
      key,
      new Tensor(type as 'float32', dims, data as Float32Array<ArrayBuffer>),
    ]),
  );
}
