import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { intervention, type LanguageModel, save } from 'onnsight';
import protobuf from 'protobufjs';
import { beforeAll, expect, it } from 'vitest';
import { tritonConfig } from '../../runtime/bundle/build/triton.ts';
import type { BundleTensor, Manifest } from '../../runtime/bundle/manifest-types.ts';
import { build } from './support/build.ts';
import { INTERVENTIONS } from './support/structures.ts';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/**
 * What Python's protobuf reads in our texts by Triton's own model_config.proto (github.com/triton-inference-server/common,
 * 83adf7c). To write it: `ONNSIGHT_PYTHON=python TRITON_PROTO=…/model_config.proto npx vitest run test/bundle/triton.test.ts`.
 */
const FIXTURE = root('test/fixtures/triton.json');

const odd = intervention(
  { 'a "b" \\ ü': 'float16[n, 2]', side: { type: 'int64', default: 3 } },
  (model: LanguageModel, parameters) => ({
    'x\ny': save((parameters['a "b" \\ ü'] as number) * 2),
    logits: save(model.lm_head.output * parameters.side),
  }),
);
const { tensor, types, nested, entries, names } = INTERVENTIONS;
const manifests: Record<string, Manifest> = {};
const texts: Record<string, string> = {};
beforeAll(async () => {
  for (const [name, one] of Object.entries({ odd, tensor, types, nested, entries, names })) {
    const { manifest } = await build(one, undefined, { name });
    manifests[name] = manifest;
    texts[name] = tritonConfig(manifest);
  }
  const { TRITON_PROTO: path, ONNSIGHT_PYTHON: python } = process.env;
  if (path && python)
    writeFileSync(FIXTURE, `${JSON.stringify({ texts, parsed: await parse(path, python) }, null, 1)}\n`);
}, 60_000);

async function parse(proto: string, python: string): Promise<unknown> {
  await import('protobufjs/ext/descriptor/index.js');
  const schema = new protobuf.Root().loadSync(proto, { keepCase: true }) as protobuf.Root & {
    toDescriptor(syntax: string): { $type: protobuf.Type };
  };
  const message = schema.toDescriptor('proto3');
  const descriptors = Buffer.from(message.$type.encode(message).finish()).toString('base64');
  const input = JSON.stringify({ descriptors, texts });
  const { stdout, stderr } = spawnSync(python, [root('test/tools/triton_config.py')], { input, encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

interface ParsedTensor {
  readonly name: string;
  readonly data_type: string;
  readonly dims: readonly string[];
  readonly reshape?: object;
}

/** Triton's documentation: types by name, -1 for a free size, and numbers as lists of one that are reshaped. */
function expected({ name, dtype, dims }: BundleTensor): ParsedTensor {
  const data_type = dtype === 'bool' ? 'TYPE_BOOL' : `TYPE_${dtype.replace('float', 'FP').toUpperCase()}`;
  if (dims?.length === 0) return { name, data_type, dims: ['1'], reshape: {} };
  return { name, data_type, dims: (dims ?? [null]).map((dim) => String(typeof dim === 'number' ? dim : -1)) };
}

it('config.pbtxt is what protobuf reads by the schema of Triton, and says what the manifest says', () => {
  const fixture = JSON.parse(readFileSync(FIXTURE, 'utf8'));
  expect(texts).toEqual(fixture.texts);
  for (const [name, { inputs, parameters, outputs, files }] of Object.entries(manifests)) {
    expect(fixture.parsed[name]).toEqual({
      name,
      backend: 'onnxruntime',
      default_model_filename: files[0]!.path,
      input: [...inputs.filter(({ used }) => used), ...parameters].map(expected),
      output: outputs.filter(({ dims }) => dims !== null).map(expected),
    });
  }
});
