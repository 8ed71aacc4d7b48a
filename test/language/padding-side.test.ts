import { describe, expect, it } from 'vitest';
import { paddingSide } from '../../runtime/language/padding-side.ts';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { OnnxModel } from '../../runtime/onnx/model.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { fixturePath } from '../published/fixture-path.ts';
import { TOY } from '../support/toy.ts';

const file = await readModel(`${TOY}/model.onnx`);
const bert = await readModel(fixturePath('bert-optimizer.onnx'));
const mpnet = await readModel(fixturePath('mpnet-int8.onnx'));

/** A model that adds a table of words and one of positions, which it takes by an index made of its inputs. */
function model(nodes: readonly ReturnType<typeof makeNode>[], inputs: readonly string[] = []): OnnxModel {
  const table = (name: string) =>
    makeTensor(
      name,
      'float32',
      Array.from({ length: 32 }, () => 0),
      [16, 2],
    );
  const all = ['input_ids', 'attention_mask', ...inputs].map((name) =>
    makeValueInfo(name, 'int64', ['batch', 'length']),
  );
  const graph = makeGraph(
    'graph',
    [
      makeNode('Gather', ['words', 'input_ids'], ['w']),
      ...nodes,
      makeNode('Gather', ['places', 'index'], ['p']),
      makeNode('Add', ['w', 'p'], ['y']),
    ],
    all,
    [makeValueInfo('y', 'float32')],
    [
      table('words'),
      table('places'),
      makeTensor('zero', 'int64', [0], []),
      makeTensor('one', 'int64', [1], []),
      makeTensor('axis', 'int64', [1], []),
    ],
  );
  return new OnnxModel(makeModel(graph, 17), file);
}

const columns = [
  makeNode('Shape', ['input_ids'], ['shape']),
  makeNode('Gather', ['shape', 'one'], ['length']),
  makeNode('Range', ['zero', 'length', 'one'], ['index']),
];
const tokens = [
  makeNode('Equal', ['input_ids', 'one'], ['is_pad']),
  makeNode('Not', ['is_pad'], ['is_token']),
  makeNode('Cast', ['is_token'], ['counted'], { to: { int: 7 } }),
  makeNode('CumSum', ['counted', 'axis'], ['index']),
];
const masked = [makeNode('CumSum', ['attention_mask', 'axis'], ['index'])];
const given = [makeNode('Identity', ['position_ids'], ['index'])];

describe('where texts are padded', () => {
  it.each([
    ['positions by columns', model(columns), {}, 'right'],
    ['the same with a cache', model(columns, ['past_key_values.0.key']), {}, 'none'],
    ['the same of a decoder', model(columns), { architectures: ['GPT2LMHeadModel'] }, 'none'],
    ['an encoder as decoder', model(columns), { model_type: 'bert', is_decoder: true }, 'none'],
    ['positions by tokens', model(tokens), {}, 'right'],
    ['the same of a decoder', model(tokens), { architectures: ['RobertaForCausalLM'] }, 'left'],
    ['positions by the mask', model(masked), {}, 'left'],
    ['positions that are given', model(given, ['position_ids']), {}, 'left'],
    ['an encoder', model(given, ['position_ids']), { model_type: 'modernbert' }, 'right'],
    ['the toy', file, {}, 'left'],
    ['BERT', bert, {}, 'right'],
    ['MPNet', mpnet, {}, 'right'],
  ] as const)('%s', (_name, made, config, side) => {
    expect(paddingSide(made, config)).toBe(side);
  });
});
