import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { LanguageModel } from 'onnsight';
import { TensorShapeProto_DimensionSchema } from 'onnx-buf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeGraph, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { decodeModel, encodeModel, type GraphProto, type NodeProto } from '../../runtime/onnx/proto.ts';
import { branchesOf } from '../../runtime/onnx/subgraphs.ts';
import { fixturePath } from './fixture-path.ts';

/* Other ways to write a decoder with two branches than optimum's: each generates what transformers does. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  cpSync(fixturePath('gpt2-merged'), folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

type Change = (graph: GraphProto, choice: NodeProto) => Partial<GraphProto>;

/** The input that decides under another name, in other dims, and with nodes between it and the condition. */
function decidedBy(name: string, dims: readonly number[], between: readonly NodeProto[], isTurned: boolean): Change {
  return ({ input }, choice) => {
    const [then, otherwise] = branchesOf(choice);
    const [a, b] = isTurned ? [otherwise, then] : [then, otherwise];
    const condition = between.at(-1)?.output[0] ?? name;
    const branches = { then_branch: { graph: a }, else_branch: { graph: b } };
    return {
      input: [...input.slice(0, -1), makeValueInfo(name, 'bool', dims)],
      node: [...between, makeNode('If', [condition], choice.output, branches, choice.name)],
    };
  };
}

/** The conditional in both branches of another one, which the number of tokens decides. */
const nested: Change = ({ initializer, output }, choice) => {
  const within = (side: string) => {
    const outputs = choice.output.map((name) => `${side}/${name}`);
    const infos = output.map((info, i) => ({ ...info, name: outputs[i]! }));
    return { graph: makeGraph(side, [{ ...choice, name: 'inner', output: outputs }], [], infos) };
  };
  const branches = { then_branch: within('many'), else_branch: within('one') };
  return {
    initializer: [...initializer, makeTensor('one', 'int64', [1], [1])],
    node: [
      makeNode('Shape', ['input_ids'], ['sizes']),
      makeNode('Gather', ['sizes', 'one'], ['count']),
      makeNode('Greater', ['count', 'one'], ['are_many']),
      makeNode('If', ['are_many'], choice.output, branches, 'outer'),
    ],
  };
};

/** All sizes of the cache have names: `config.json` tells heads and their size. */
const unsized: Change = ({ input }) => ({
  input: input.map((one) => {
    const type = structuredClone(one.type);
    if (one.name.startsWith('past') && type?.value.case === 'tensorType') {
      for (const axis of [1, 3]) {
        const value = { case: 'dimParam', value: `size_${axis}` } as const;
        type.value.value.shape!.dim[axis] = create(TensorShapeProto_DimensionSchema, { value });
      }
    }
    return { ...one, ...(type && { type }) };
  }),
});

test.each<[string, Change]>([
  ['a scalar decides', decidedBy('use_cache_branch', [], [], false)],
  ['an input that says the opposite decides', decidedBy('is_prompt', [1], [], true)],
  [
    'nodes stand between the input and the condition',
    decidedBy('use_cache', [1], [makeNode('Squeeze', ['use_cache'], ['s']), makeNode('Not', ['s'], ['n'])], true),
  ],
  ['the conditional stands in another one', nested],
  ['heads of the cache have no sizes in the file', unsized],
])('a decoder with two branches generates as transformers does where %s', async (_, change) => {
  const path = 'onnx/decoder_model_merged.onnx';
  const model = decodeModel(readFileSync(fixturePath(`gpt2-merged/${path}`)));
  const graph = { ...model.graph!, ...change(model.graph!, model.graph!.node[0]!) };
  writeFileSync(join(folder, path), encodeModel({ ...model, graph }));
  const lm = await LanguageModel.load(folder, { device: 'cpu' });
  const { prompt, greedy } = JSON.parse(readFileSync(join(folder, 'gen.json'), 'utf8'));
  for (const useCache of [true, false]) {
    const { tokens } = await lm.generate(prompt, { maxNewTokens: 3, stopTokens: [], useCache });
    expect(tokens).toEqual([greedy.slice(0, 3)]);
  }
});
