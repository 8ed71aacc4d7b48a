import { dirname } from 'node:path';
import {
  Adam,
  graphFromJson,
  graphToJson,
  LanguageModel,
  map,
  NNsight,
  Parameter,
  pure,
  RemoteBackend,
  ReuseScope,
  readAudio,
  readImage,
  SGD,
  save,
  Tensor,
} from 'onnsight';
import {
  attentionPatterns,
  coloredTokens,
  diagram,
  heatMap,
  lines,
  panels,
  points,
  printHeatMap,
} from 'onnsight/plots';
import { describe, expect, it } from 'vitest';
import { TOY } from '../support/fixtures.ts';

const lm = await LanguageModel.load(dirname(TOY), { device: 'cpu' });
const graph = await lm.graph('Mary', () => save(lm.lm_head.output));
const x = Tensor.from([[1, 2]], 'float32');
const parameter = new Parameter([1, 2]);
const more = { foo: 1 } as never;
/** Behind the last argument, where the checker would see it. */
const rest = [more] as unknown as [];
const wrong = (value: unknown) => value as never;
const map1 = { values: [[1]], rows: ['a'], columns: ['b'] };

/** What JavaScript would ignore, or take for something else: an error that says what the call takes. */
const calls: Readonly<Record<string, readonly [call: () => unknown, message: string]>> = {
  'a tensor': [() => new Tensor('float32', [1], new Float32Array(1), more), 'takes no more than that'],
  'Tensor.from': [() => Tensor.from([1], 'float32', [1], more), 'takes no more than that'],
  'a parameter': [() => new Parameter([1], 'float32', ...rest), 'takes no more than that'],
  'a parameter that requires no gradient': [() => new Parameter([1], wrong(false)), 'holds floating-point numbers'],
  'zeroGrad of a parameter': [() => parameter.zeroGrad(more), 'takes no more than that'],
  'an optimizer': [() => new SGD([parameter], {}, more), 'new SGD(parameters, options) takes no more'],
  'a learning rate by position': [() => new SGD([parameter], wrong(0.1)), 'takes its options by their names'],
  'no options': [() => new Adam([parameter], wrong(null)), 'takes its options by their names'],
  'a parameter in place of a list': [() => new SGD(wrong(parameter)), 'takes parameters in a list'],
  'no parameters': [() => new SGD(wrong(undefined)), 'takes parameters in a list'],
  'groups of parameters': [() => new SGD(wrong([{ params: [parameter] }])), 'takes parameters in a list'],
  'a parameter twice': [() => new Adam([parameter, parameter]), 'got a parameter twice'],
  'three betas': [() => new Adam([parameter], { betas: wrong([0.9, 0.99, 0.9]) }), 'two numbers in [0, 1)'],
  'one beta': [() => new Adam([parameter], { betas: wrong([0.9]) }), 'two numbers in [0, 1)'],
  'texts as betas': [() => new Adam([parameter], { betas: wrong(['0.9', '0.99']) }), 'two numbers in [0, 1)'],
  'a set of betas': [() => new Adam([parameter], { betas: wrong(new Set([0.9])) }), 'must be an array'],
  'step of an optimizer': [() => new SGD([parameter]).step(more), 'step() takes no more'],
  'zeroGrad of an optimizer': [() => new SGD([parameter]).zeroGrad(wrong({ setToNone: true })), 'takes no more'],
  'an option set to a text': [
    () => {
      const optimizer = new SGD([parameter]);
      optimizer.options.lr = wrong('1');
      optimizer.step();
    },
    'SGD: lr is a string, and must be a number',
  ],
  'a misspelt option set later': [
    () => Object.assign(new SGD([parameter]).options, { learningRate: 1 }),
    'Cannot add property learningRate',
  ],
  'trace with options twice': [
    () => lm.trace('Mary', () => save(lm.lm_head.output), {}, ...rest),
    'trace(…, options) takes no more than that',
  ],
  'trace with a hole before the options': [
    () => lm.trace('Mary', wrong(undefined), { reuse: false }),
    'takes no more than that',
  ],
  generate: [() => lm.generate('Mary', { maxNewTokens: 1 }, () => 0, ...rest), 'takes no more than that'],
  session: [
    () => lm.session((session) => session.trace('Mary', () => save(lm.lm_head.output)), {}, ...rest),
    'session(block, options) takes no more',
  ],
  edit: [() => lm.edit(() => {}, {}, ...rest), 'edit(block, options) takes no more'],
  clearEdits: [() => lm.clearEdits(...rest), 'clearEdits() takes no more'],
  release: [() => lm.release(...rest), 'release() takes no more'],
  get: [() => lm.get('transformer', ...rest), 'get(path) takes no more'],
  'a number for get': [() => lm.get(wrong(0)), 'get takes a path as a text'],
  'a loader': [() => NNsight.load(TOY, {}, ...rest), 'NNsight.load(path, options) takes no more'],
  'a URL for a loader': [() => LanguageModel.load(wrong(new URL('file:///models'))), 'fileURLToPath(url)'],
  'options of tokens': [
    () => lm.tokenizer.encode('Mary', wrong({ add_special_token: false })),
    'did you mean add_special_tokens?',
  ],
  'options of texts': [
    () => lm.tokenizer.decode([1], wrong({ skip_special_token: true })),
    'did you mean skip_special_tokens?',
  ],
  'encode of two texts': [() => lm.tokenizer.encode('Mary', wrong('John')), 'takes its options by their names'],
  'inputs of map': [() => map(wrong(3), async (one) => one), 'map takes an array of inputs'],
  map: [() => map([1], async (one) => one, {}, more), 'map(inputs, run, options) takes no more'],
  'the address of a server': [() => new RemoteBackend('localhost'), 'takes the address of a server'],
  'a backend': [() => new RemoteBackend('http://localhost', {}, more), 'takes no more than that'],
  'a scope': [() => new ReuseScope(1000, more), 'takes no more than that'],
  'options of a scope': [() => new ReuseScope(wrong({ limit: 1 })), 'is a number of bytes'],
  graphFromJson: [() => graphFromJson(graphToJson(graph), more), 'takes no more than that'],
  pure: [() => pure((one: number) => one, more), 'takes no more than that'],
  readAudio: [() => readAudio(wrong(3)), 'takes a path, or the bytes'],
  'options of readAudio': [() => readAudio('a.wav', more), 'takes no more than that'],
  readImage: [() => readImage(wrong(undefined)), 'takes a path, or the bytes'],
  'options of readImage': [() => readImage('a.png', wrong({ size: 224 })), 'takes no more than that'],
  heatMap: [() => heatMap(map1, more), 'takes no more than that'],
  printHeatMap: [() => printHeatMap(map1, more), 'takes no more than that'],
  'a heat map of nothing': [() => heatMap({ values: [], rows: [], columns: [] }), 'is given no values'],
  lines: [() => lines({ lines: [{ name: 'a', values: [1] }] }, more), 'takes no more than that'],
  points: [() => points({ values: [[1, 2]], names: ['a'] }, more), 'takes no more than that'],
  coloredTokens: [() => coloredTokens({ tokens: ['a'], values: [1] }, more), 'takes no more than that'],
  panels: [
    () => panels({ panels: [{ title: 'a', values: [[1]] }], rows: ['a'], columns: ['b'] }, more),
    'takes no more',
  ],
  attentionPatterns: [
    () => attentionPatterns({ tokens: ['a'], heads: [{ title: 'a', values: [[1]] }] }, more),
    'takes no more than that',
  ],
  diagram: [() => diagram({ rows: ['a'], columns: ['b'], nodes: [], edges: [] }, more), 'takes no more than that'],
  toSVG: [() => heatMap(map1).toSVG(...rest), 'toSVG() takes no more'],
  'a PNG file': [() => heatMap(map1).save('map.png'), 'is saved as an SVG file'],
};

describe('an argument that a call does not have is an error:', () => {
  it.each(Object.keys(calls))('%s', async (name) => {
    const [call, message] = calls[name]!;
    parameter.grad = Tensor.from([1, 1], 'float32');
    await expect((async () => call())()).rejects.toThrow(message);
  });

  it('what is undefined counts as left out', async () => {
    const result = await lm.trace('Mary', () => save(lm.lm_head.output['0, -1'].argmax()), undefined);
    expect(result.item()).toBe((await lm.trace('Mary', () => save(lm.lm_head.output['0, -1'].argmax()))).item());
    expect(new Adam([parameter], { lr: wrong(undefined) }).options.lr).toBe(1e-3);
    expect(x.mean(undefined).item()).toBe(1.5);
  });
});
