import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../../runtime/onnx/make.ts';
import type { ModelProto, NodeProto, ValueInfoProto } from '../../../runtime/onnx/proto.ts';
import { cacheFolder } from './cache.ts';
import { withInitializers, writeModelFile } from './file.ts';
import { cacheNames, gpt2Nodes, layerOutput } from './graph.ts';
import type { Sizes } from './sizes.ts';
import { gpt2Weights } from './weights.ts';

/** To be counted up when the same sizes give another model. */
const VERSION = 3;

/** The files of one made-up GPT-2. The small ones have their weights in the large one. */
export interface BenchModel {
  readonly sizes: Sizes;
  /** The model with its weights inside, as the TorchScript exporter writes it. */
  readonly path: string;
  /** The same model with its weights beside it. */
  readonly external: string;
  /** A model up to the last layer, whose outputs are those of all layers. */
  readonly layers: string;
  /** A model that gives the logits of the last position alone. */
  readonly last: string;
  /** The model with a key-value cache. With it, the folder has what a language model needs beside its file. */
  readonly cached: string;
}

/** The names of a GPT-2's layer outputs. */
export const layerOutputs = ({ layers }: Sizes) => Array.from({ length: layers }, (_, i) => layerOutput(i));

/** Makes a GPT-2 of random weights, or finds it in the user's cache. It takes half a minute and 650 MB of disk at most. */
export function gpt2Model(sizes: Sizes): BenchModel {
  const key = createHash('sha256').update(JSON.stringify({ VERSION, sizes })).digest('hex').slice(0, 16);
  const cache = cacheFolder();
  const folder = join(cache, `gpt2-${key}`);
  if (!existsSync(folder)) {
    const made = mkdtempSync(join(cache, 'unfinished-'));
    writeModels(made, sizes);
    renameSync(made, folder);
  }
  const [path, external, layers, last, cached] = FILES.map((name) => join(folder, name));
  return { sizes, path: path!, external: external!, layers: layers!, last: last!, cached: cached! };
}

const FILES = ['model.onnx', 'external.onnx', 'layers.onnx', 'last.onnx', 'cached.onnx'] as const;
const [FILE, EXTERNAL, LAYERS, LAST, CACHED] = FILES;

function writeModels(folder: string, sizes: Sizes): void {
  const model = gpt2Proto(sizes);
  const initializer = writeModelFile(join(folder, FILE), FILE, model, gpt2Weights(sizes));
  writeFileSync(join(folder, EXTERNAL), withInitializers(model, { initializer }));
  const { node } = model.graph!;
  const last = node.findIndex(({ output }) => output.includes(layerOutput(sizes.layers - 1)));
  const body = node.slice(0, last + 1);
  const read = new Set(body.flatMap(({ input }) => input));
  const layers = {
    node: body,
    initializer: initializer.filter(({ name }) => read.has(name)),
    output: layerOutputs(sizes).map((name) => value(name, ['batch', 'sequence', sizes.width])),
  };
  writeFileSync(join(folder, LAYERS), withInitializers(model, layers));
  const lastOnly = {
    node: onLastPosition(node),
    initializer: [...initializer, makeTensor(POSITION, 'int64', [-1], [1])],
    output: [value('logits', ['batch', 1, sizes.vocabulary])],
  };
  writeFileSync(join(folder, LAST), withInitializers(model, lastOnly));
  writeFileSync(join(folder, CACHED), withInitializers(cachedProto(sizes), { initializer }));
  for (const [name, content] of Object.entries(languageFiles(sizes))) {
    writeFileSync(join(folder, name), JSON.stringify(content));
  }
}

const POSITION = 'position';

/** The nodes with the head, which stands last, on the last position. */
function onLastPosition(nodes: readonly NodeProto[]): NodeProto[] {
  const head = nodes.at(-1)!;
  const [hidden, weight] = head.input;
  const row = makeNode('Gather', [hidden!, POSITION], ['/lm_head/row'], { axis: { int: 1 } });
  return [...nodes.slice(0, -1), row, { ...head, input: ['/lm_head/row', weight!] }];
}

/** The model without its weights. */
function gpt2Proto(sizes: Sizes): ModelProto {
  const ids = (name: string) => value(name, ['batch', 'sequence'], 'int64');
  return exported(gpt2Nodes(sizes), [ids('input_ids'), ids('attention_mask')], [logitsOf(sizes)]);
}

/** The model with a key-value cache, without its weights. */
function cachedProto(sizes: Sizes): ModelProto {
  const { layers, heads, width } = sizes;
  const parts = Array.from({ length: layers }, (_, i) => [cacheNames(i, 'key'), cacheNames(i, 'value')]).flat();
  const cache = (name: string, length: string) => value(name, ['batch', heads, length, width / heads]);
  const inputs = [
    value('input_ids', ['batch', 'sequence'], 'int64'),
    value('attention_mask', ['batch', 'past + sequence'], 'int64'),
    ...parts.map(({ past }) => cache(past, 'past')),
  ];
  const outputs = [logitsOf(sizes), ...parts.map(({ present }) => cache(present, 'past + sequence'))];
  return exported(gpt2Nodes(sizes, true), inputs, outputs);
}

function exported(nodes: NodeProto[], inputs: ValueInfoProto[], outputs: ValueInfoProto[]): ModelProto {
  const graph = makeGraph('main_graph', nodes, inputs, outputs);
  return { ...makeModel(graph), producerName: 'pytorch', producerVersion: '2.13.0' };
}

const logitsOf = ({ vocabulary }: Sizes) => value('logits', ['batch', 'sequence', vocabulary]);

/** What stands beside a language model's file: a tokenizer that has a word for each number. */
function languageFiles({ layers, width, heads, vocabulary, positions }: Sizes) {
  const vocab = Object.fromEntries(Array.from({ length: vocabulary }, (_, i) => [`${i}`, i]));
  return {
    'tokenizer.json': {
      version: '1.0',
      added_tokens: [],
      pre_tokenizer: { type: 'WhitespaceSplit' },
      normalizer: null,
      post_processor: null,
      decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
      model: { type: 'WordLevel', vocab, unk_token: '0' },
    },
    'tokenizer_config.json': { tokenizer_class: 'PreTrainedTokenizerFast' },
    'config.json': {
      model_type: 'gpt2',
      n_layer: layers,
      n_embd: width,
      n_head: heads,
      n_positions: positions,
      vocab_size: vocabulary,
    },
  };
}

function value(name: string, dims: readonly (string | number)[], dtype: 'float32' | 'int64' = 'float32') {
  return makeValueInfo(name, dtype, dims);
}
