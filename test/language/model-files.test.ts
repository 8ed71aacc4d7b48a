import { describe, expect, test } from 'vitest';
import {
  chooseModelFile,
  type FileChoice,
  filesUnder,
  findModelFile,
  neededFiles,
} from '../../runtime/language/model-files.ts';
import { ModelError } from '../../runtime/onnx/error.ts';

test('a folder that cannot be listed, or goes meanwhile, is an error in words', () => {
  expect(() => filesUnder('/no/such/folder')).toThrow(ModelError);
  expect(() => filesUnder('/no/such/folder')).toThrow(/could not be listed \(ENOENT\): name the folder of the model/);
});

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
    expect(findModelFile(['model.onnx', 'model_q4.onnx'], { file: 'model_q4.onnx' })).toBe('model_q4.onnx');
    expect(findModelFile(['model.onnx'], { file: 'model_q4.onnx' })).toBe(null);
  });

  test.each([
    [{ dtype: 'q4' }, 'onnx/model_q4.onnx'],
    [{ dtype: 'q8' }, 'onnx/model_quantized.onnx'],
    [{ dtype: 'fp32' }, 'onnx/model.onnx'],
    [{ dtype: 'q4f16', subfolder: 'onnx/' }, 'onnx/model_q4f16.onnx'],
    [{ subfolder: './cpu' }, 'cpu/model.onnx'],
    [{ subfolder: 'gpu' }, 'gpu/whole.onnx'],
    [{ subfolder: '' }, 'model.onnx'],
    [{ dtype: 'fp16', subfolder: '' }, null],
    [{ dtype: 'bnb4' }, null],
    [{ file: './onnx/model_q4.onnx' }, 'onnx/model_q4.onnx'],
  ] as const)('of the form and subfolder that %o say', (choice, expected) => {
    const inFolder = ['model.onnx', 'model_q4.onnx', 'model_quantized.onnx', 'model_q4f16.onnx'];
    const paths = ['model.onnx', ...inFolder.map((name) => `onnx/${name}`), 'cpu/model.onnx', 'gpu/whole.onnx'];
    expect(findModelFile(paths, choice)).toBe(expected);
  });

  test.each([
    [
      { dtype: 'bnb4' },
      'there has no model_bnb4.onnx or decoder_model_merged_bnb4.onnx or decoder_model_bnb4.onnx: choose',
    ],
    [{ dtype: 'q4', subfolder: 'cpu' }, 'decoder_model_q4.onnx in cpu: choose one with the option file out of a.onnx'],
    [{ file: 'c.onnx' }, 'there has no file c.onnx: choose one with the option file out of a.onnx, b.onnx'],
    [
      { dtype: 'q4_f16' },
      'there is no dtype "q4_f16": it is one of fp32, fp16, q8, int8, uint8, q4, q4f16, bnb4; did you mean q4f16?',
    ],
    [{ file: 'a.onnx', dtype: 'fp16' }, 'the option file names the file a.onnx: leave out dtype'],
    [{ file: 'a.onnx', subfolder: 'x' }, 'the option file names the file a.onnx: leave out subfolder'],
  ])('no file for %o: an error that lists those there are', (choice, says) => {
    expect(() => chooseModelFile(['b.onnx', 'a.onnx'], 'there', choice as FileChoice)).toThrow(says);
  });

  test('none that is clear: an error that lists them', () => {
    expect(() => chooseModelFile(['b.onnx', 'a.onnx'], 'The folder x')).toThrow(
      /^The folder x has none of model\.onnx, .*: choose one with the option file out of a\.onnx, b\.onnx$/,
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

test('what comes with a decoder: its encoder, and the decoder with a cache, stored as it is', () => {
  const names = ['encoder_model', 'decoder_model', 'decoder_with_past_model', 'decoder_model_merged'];
  const paths = names.flatMap((name) => [`onnx/${name}.onnx`, `onnx/${name}.onnx_data`, `onnx/${name}_q4.onnx`]);
  expect(neededFiles(paths, 'onnx/decoder_model.onnx')).toEqual([
    'onnx/encoder_model.onnx_data',
    'onnx/decoder_model.onnx_data',
    'onnx/decoder_with_past_model.onnx_data',
    'onnx/encoder_model.onnx',
    'onnx/decoder_with_past_model.onnx',
    'onnx/decoder_model.onnx',
  ]);
  expect(neededFiles(paths, 'onnx/decoder_model_merged_q4.onnx')).toEqual([
    'onnx/encoder_model_q4.onnx',
    'onnx/decoder_model_merged_q4.onnx',
  ]);
  expect(neededFiles(['decoder_model_merged.onnx'], 'decoder_model_merged.onnx')).toHaveLength(1);
  expect(() => neededFiles([...paths, 'onnx/decoder_model_fp16.onnx'], 'onnx/decoder_model_fp16.onnx')).toThrow(
    'onnx/decoder_model_fp16.onnx has no encoder_model_fp16.onnx beside it, only encoder_model.onnx, encoder_model_q4.onnx',
  );
});
