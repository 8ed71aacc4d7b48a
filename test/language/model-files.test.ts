import { describe, expect, test } from 'vitest';
import { chooseModelFile, findModelFile, neededFiles } from '../../runtime/language/model-files.ts';

describe('the .onnx file of a model', () => {
  test.each([
    [['model.onnx', 'onnx/model.onnx', 'onnx/decoder_model_merged.onnx'], 'onnx/model.onnx'],
    [['model.onnx', 'decoder_model_merged.onnx'], 'model.onnx'],
    [['onnx/decoder_model.onnx', 'onnx/decoder_model_merged.onnx'], 'onnx/decoder_model_merged.onnx'],
    [['decoder_model.onnx', 'onnx/model_fp16.onnx'], 'decoder_model.onnx'],
    [['config.json', 'gpt.onnx'], 'gpt.onnx'],
    [['a.onnx', 'b.onnx'], null],
    [['config.json'], null],
  ])('out of %o', (paths, expected) => {
    expect(findModelFile(paths)).toBe(expected);
  });

  test('the one that is asked for', () => {
    expect(findModelFile(['model.onnx', 'model_q4.onnx'], 'model_q4.onnx')).toBe('model_q4.onnx');
    expect(findModelFile(['model.onnx'], 'model_q4.onnx')).toBe(null);
  });

  test('none that is clear: an error that lists them', () => {
    expect(() => chooseModelFile(['b.onnx', 'a.onnx'], 'The folder x')).toThrow(
      /^The folder x has none of onnx\/model\.onnx, .*: choose one with the option file out of a\.onnx, b\.onnx$/,
    );
    expect(() => chooseModelFile([], 'The folder x')).toThrow('The folder x has no .onnx file: export the model');
  });
});

test('what comes with it: the small files and its own external data, the graph last', () => {
  const paths = [
    'README.md',
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'merges.txt',
    'onnx/model.onnx',
    'onnx/model.onnx.data',
    'onnx/model.onnx_data',
    'onnx/model.onnx_data_1',
    'onnx/model_fp16.onnx',
    'onnx/model_fp16.onnx_data',
    'pytorch_model.bin',
    'special_tokens_map.json',
    'sub/config.json',
    'tokenizer.json',
    'tokenizer_config.json',
  ];
  expect(neededFiles(paths, 'onnx/model.onnx')).toEqual([
    'chat_template.jinja',
    'config.json',
    'generation_config.json',
    'onnx/model.onnx.data',
    'onnx/model.onnx_data',
    'onnx/model.onnx_data_1',
    'special_tokens_map.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'onnx/model.onnx',
  ]);
});
