import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { modelPath, reference } from '../../support/fixtures.ts';

/** The models that are damaged: small, so that many can be tried. */
const MODELS = [
  ['zoo/mlp', 'ts'],
  ['zoo/sigmoid-mlp', 'ts'],
  ['zoo/rnn', 'ts'],
  ['zoo/cnn', 'ts'],
  ['zoo/mlp', 'dynamo'],
] as const;

export interface Base {
  readonly bytes: Uint8Array;
  readonly inputs: Readonly<Record<string, { dims: number[]; data: number[] }>>;
}

export const bases: readonly Base[] = MODELS.map(([name, exporter]) => ({
  bytes: readFileSync(modelPath(name, exporter)),
  inputs: reference(name).inputs,
}));

export const MLP = modelPath('zoo/mlp', 'ts');

const value = (id: number, dtype = 'float32', shape: number[] | null = []) => ({ id, dtype, shape });
const node = (op: string, inputs: number[], outputs: object[], attributes: object = {}, regions: object[] = []) => ({
  op,
  inputs,
  attributes,
  outputs,
  regions,
  site: { file: 'fuzz.ts', line: 1, column: 1 },
});
const all = { dims: null, keepdim: false };
const layer1 = { path: 'layer1', port: 'output', index: 0, call: 0, forward: 0 };

/** A request with everything that a graph can have: reads, a write, operands, indices, a conditional and a loop. */
export function baseRequest(model: string): object {
  const { dims, data } = bases[0]!.inputs.x!;
  const x = Buffer.from(Float32Array.from(data).buffer).toString('base64');
  return {
    format: 'onnsight-request',
    version: 1,
    model,
    inputs: { x: { dtype: 'float32', dims, data: x } },
    graph: {
      format: 'onnsight-graph',
      version: 1,
      root: {
        parameters: [],
        nodes: [
          node('operand', [], [value(0)], { dtype: 'float32' }),
          node('operand', [], [value(1, 'int64')], { dtype: 'int64' }),
          node('operand', [], [value(2, 'int64', [2])], { dtype: 'int64' }),
          node('read', [], [value(3, 'float32', [2, 10])], layer1),
          node('mul', [3, 0], [value(4, 'float32', [2, 10])]),
          node('write', [4], [], { ...layer1, inplace: false, lenient: false }),
          node('sum', [4], [value(5)], all),
          node('gt', [5, 0], [value(6, 'bool')]),
          node('if', [6], [value(7)], {}, [
            { parameters: [], nodes: [node('mul', [5, 0], [value(8)])], results: [8] },
            { parameters: [], nodes: [], results: [5] },
          ]),
          node('loop', [1, 6, 7], [value(9)], {}, [
            {
              parameters: [value(10, 'int64'), value(11)],
              nodes: [node('add', [11, 5], [value(12)]), node('lt', [12, 5], [value(13, 'bool')])],
              results: [13, 12],
            },
          ]),
          node('reshape', [4, 2], [value(14, 'float32', [4, 5])]),
          node('argmax', [14], [value(15, 'int64', [4])], { dim: 1, keepdim: false }),
          node('topk', [14, 1], [value(16, 'float32', null), value(17, 'int64', null)], { dim: 1, largest: true }),
          node('read', [], [value(18, 'float32', [2, 2])], { ...layer1, path: '' }),
        ],
        results: [],
      },
      operands: [
        { value: 0, dims: [], data: [0.5] },
        { value: 1, dims: [], data: [3] },
        { value: 2, dims: [2], data: [4, 5] },
      ],
      saves: [7, 9, 15, 16, 18].map((id, i) => ({ name: `save_${i}`, value: id })),
    },
  };
}

/** The manifest of a bundle whose model is the MLP itself. */
export function baseManifest(): object {
  const { bytes } = bases[0]!;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return {
    format: 'onnsight-bundle',
    version: 1,
    name: 'fuzz',
    source: { file: 'fuzz.ts', line: 1, column: 1 },
    model: { file: 'mlp.onnx', sha256, opset: 17 },
    inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 5], used: true }],
    parameters: [],
    outputs: [{ name: OUTPUT, dtype: 'float32', dims: ['batch', 2] }],
    returns: { kind: 'object', fields: { y: { kind: 'tensor', output: OUTPUT } } },
    writes: [],
    weights: 'embed',
    optimized: false,
    files: [{ path: 'fuzz.onnx', bytes: bytes.length, sha256 }],
  };
}

/** The exporter's name for the MLP's output. */
const OUTPUT = 'output';
