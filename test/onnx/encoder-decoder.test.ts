import { expect, test } from 'vitest';
import { walk } from '../../runtime/modules/module.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import { joinEncoderDecoder } from '../../runtime/onnx/encoder-decoder.ts';
import { makeGraph, makeMetadata, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { OnnxModel } from '../../runtime/onnx/model.ts';
import { OpenedFiles } from '../../runtime/onnx/opened-files.ts';
import { decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';

const SHAPE = ['batch', 'tokens', 2] as const;

/** A model of one linear layer, as the dynamo exporter writes it. */
function model(input: string, output: string, path: string, classes: string): OnnxModel {
  const weight = makeTensor(`${path}.weight`, 'float32', [1, 0, 0, 1], [2, 2]);
  const scopes = ['', ...path.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.')), 'linear'];
  const node = makeNode('MatMul', [input, weight.name], [output], {}, 'node_linear');
  node.metadataProps.push(
    ...makeMetadata({
      'pkg.torch.onnx.name_scopes': `[${scopes.map((one) => `'${one}'`).join(', ')}]`,
      'pkg.torch.onnx.class_hierarchy': classes,
    }),
  );
  const info = (name: string) => makeValueInfo(name, 'float32', SHAPE);
  const proto = decodeModel(encodeModel({ ...decodeModel(new Uint8Array()), irVersion: 9n }));
  const graph = makeGraph('g', [node], [info(input)], [info(output)], [weight]);
  proto.opsetImport.push({ $typeName: 'onnx.OperatorSetIdProto', domain: '', version: 18n });
  return new OnnxModel({ ...proto, graph }, { path, folder: '/', file: `${path}.onnx`, files: new OpenedFiles() });
}

test('modules of the dynamo exporter stand below the encoder, with their classes', () => {
  const encoder = model('input_features', 'last_hidden_state', 'proj', "['a.Encoder', 'torch.nn.Linear', 'aten']");
  const decoder = model(
    'encoder_hidden_states',
    'logits',
    'model.decoder.proj',
    "['a.Whole', 'a.Inner', 'a.Decoder', 'torch.nn.Linear', 'aten']",
  );
  const joined = joinEncoderDecoder(encoder, decoder);
  expect(joined.inputs.map(({ name }) => name)).toEqual(['input_features']);
  expect(joined.outputs.map(({ name }) => name)).toEqual(['logits', 'encoder_last_hidden_state']);
  const modules = [...walk(buildTree(joined))].map(({ path, className }) => [path, className]);
  expect(new Map(modules as [string, string][])).toEqual(
    new Map([
      ['', 'Whole'],
      ['model', 'Inner'],
      ['model.encoder', 'Encoder'],
      ['model.encoder.proj', 'Linear'],
      ['model.decoder', 'Decoder'],
      ['model.decoder.proj', 'Linear'],
    ]),
  );
  expect(() => joinEncoderDecoder(encoder, encoder)).toThrow(
    'has no input encoder_hidden_states that takes what proj makes',
  );
});
