import { dirname } from 'node:path';
import { LanguageModel, RemoteBackend, save, softplus, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { TOY } from '../support/fixtures.ts';
import { clean, marked, rejection, thrown } from './support.ts';

const { traceFails, expectMistake } = marked(import.meta.url);
// biome-ignore lint/suspicious/noExplicitAny: what these calls are given is refused by the type checker, too.
const lm: any = await LanguageModel.load(dirname(TOY), { device: 'cpu' });
const PROMPT = 'The Eiffel Tower';
/** A function as code without types calls it. */
type Loose = (...args: unknown[]) => Traced;

describe('an option that is not there is an error at its line, with the nearest name', () => {
  it('of a trace, with a block and without', async () => {
    await traceFails(
      lm.trace(clean, () => save(lm.lm_head.output), { onStat() {} }), // @block
      'block',
      /did you mean onStats/,
    );
  });

  it('of a trace without a block', () =>
    traceFails(lm.trace(clean, { signl: null }), 'none', /trace has no option 'signl'; did you mean signal/)); // @none

  it('of a session', () =>
    traceFails(
      lm.session(() => 1, { reus: 1 }), // @session
      'session',
      /did you mean reuse/,
    ));

  it('of a scan, which takes none', () =>
    traceFails(
      lm.scan(clean, () => 1, { signal: null }), // @scan
      'scan',
      /scan\(inputs, block\) takes no more than that, but there is such an object/,
    ));

  it('of an edit', () => {
    const wrong = thrown(() => lm.edit(() => {}, { inPlace: true })); // @edit
    return expectMistake(wrong, 'edit', /edit has no option 'inPlace'; did you mean inplace\?/);
  });

  it('of a generation', () =>
    traceFails(lm.generate(PROMPT, { Seed: 1 }), 'generate', /generate has no option 'Seed'; did you mean seed/)); // @generate

  it('of load', async () => {
    const wrong = LanguageModel.load(dirname(TOY), { Device: 'cpu' } as object); // @load
    await expectMistake(
      await rejection(wrong),
      'load',
      /LanguageModel.load has no option 'Device'; did you mean device/,
    );
  });

  it('of a cache', () =>
    traceFails(
      lm.trace(clean, (tracer: { cache(options: object): unknown }) => tracer.cache({ module: ['lm_head'] })), // @cache
      'cache',
      /did you mean modules/,
    ));

  it('of apply', () =>
    traceFails(
      lm.trace(
        clean,
        (tracer: { apply(...values: unknown[]): unknown }) =>
          tracer.apply((x: unknown) => x, lm.lm_head.output, { dtpe: 'float32' }), // @apply
      ),
      'apply',
      /did you mean dtype/,
    ));

  it('of a function', () =>
    traceFails(
      lm.trace(clean, () => save(lm.lm_head.output.mean(-1, { keepDim: true }))), // @mean
      'mean',
      /mean has no option 'keepDim'; did you mean keepdim\? There are keepdim, dtype/,
    ));

  it('of a chat and a backend', () => {
    expect(thrown(() => lm.chatText([], { addGenerationPromt: true })).message).toMatch(/addGenerationPrompt/);
    expect(thrown(() => new RemoteBackend('http://localhost', { timeOut: 1 } as object)).message).toMatch(/timeout/);
  });
});

describe('an argument that a function or method does not have is an error at its line', () => {
  it('of a method', () =>
    traceFails(
      lm.trace(clean, () => save(lm.lm_head.output.mean(-1, true, { dtype: 'float64' }))), // @third
      'third',
      /mean is called as mean\(input, dim\?, keepdim\?\); found \{"dtype":"float64"\} behind that/,
    ));

  it('of a function', () =>
    traceFails(
      lm.trace(clean, () => save((softplus as Loose)(lm.lm_head.output, 2))), // @beta
      'beta',
      /softplus is called as softplus\(input\); found 2 behind that/,
    ));

  it('of save', () =>
    traceFails(
      lm.trace(clean, () => (save as Loose)(lm.lm_head.output, 'logits')), // @named
      'named',
      /save is called as save\(input\); found "logits" behind that/,
    ));

  it('of a method of a result', async () => {
    const logits = await lm.trace(clean, () => save(lm.lm_head.output['0, -1']));
    const wrong = thrown(() => logits.sum(0, true, { dtype: 'float64' })); // @result
    await expectMistake(wrong, 'result', /sum is called as sum\(input, dim\?, keepdim\?\)/);
  });
});

describe('a value that an option cannot have is an error at its line', () => {
  it.each<[name: string, value: unknown, says: RegExp]>([
    ['signal', 5, /signal of trace is an AbortSignal, not 5\./],
    ['signal', {}, /is an AbortSignal, not such an object/],
    ['signal', AbortSignal, /is an AbortSignal, not a function/],
    ['onStats', 'x', /onStats of trace is a function, not "x"/],
    ['onProgress', null, /onProgress of trace is a function, not null/],
    ['reuse', {}, /reuse of trace is a ReuseScope/],
    ['backend', 'http://localhost', /backend of trace is an object with a function run\(request\)/],
    ['backend', {}, /is an object with a function/],
  ])('of a trace: %s, %j', (name, value, says) =>
    traceFails(
      lm.trace(clean, () => save(lm.lm_head.output), { [name]: value }), // @value
      'value',
      says,
    ),
  );

  it.each<[name: string, value: unknown, says: RegExp]>([
    ['signal', 5, /signal of generate is an AbortSignal/],
    ['onToken', 5, /onToken of generate is a function/],
    ['stopTokens', 5, /stopTokens of generate is an array of token ids/],
    ['stopTokens', ['.'], /stopTokens of generate is an array of token ids/],
    ['useCache', 'no', /useCache of generate is true or false, not "no"/],
    ['doSample', 'false', /doSample of generate is true or false/],
  ])('of a generation: %s, %j', async (name, value, says) => {
    const wrong = lm.generate(PROMPT, { maxNewTokens: 1, [name]: value }); // @generated
    await traceFails(wrong, 'generated', says);
  });

  it.each<[name: string, value: unknown, says: RegExp]>([
    ['fuse', 'yes', /fuse of LanguageModel\.load is true or false/],
    ['rename', 5, /rename of LanguageModel\.load is an object of names/],
    ['rename', { h: 5 }, /rename of LanguageModel\.load is an object of names/],
    ['envoys', 5, /envoys of LanguageModel\.load is an object/],
    ['inputHooks', 5, /inputHooks of LanguageModel\.load is an object/],
    ['revision', 5, /revision of LanguageModel\.load is a text/],
    ['localFilesOnly', 'no', /localFilesOnly of LanguageModel\.load is true or false/],
    ['progress', 'no', /progress of LanguageModel\.load is true, false or a function/],
  ])('of load: %s, %j', async (name, value, says) => {
    const wrong = LanguageModel.load(dirname(TOY), { device: 'cpu', [name]: value } as object); // @opened
    await expectMistake(await rejection(wrong), 'opened', says);
  });

  it.each([Number.NaN, -1, 2 ** 32, '5'])('of a backend: timeout %j', (timeout) => {
    const wrong = thrown(() => new RemoteBackend('http://localhost', { timeout } as object)); // @timeout
    return expectMistake(wrong, 'timeout', /timeout of RemoteBackend is a whole number of milliseconds/);
  });

  it.each([null, 5, {}, []])('and what is no request: %j', async (request) => {
    const error = await rejection(lm.execute(request));
    expect([error.name, error.message]).toEqual(['GraphError', expect.stringContaining('requestFromBytes(bytes)')]);
  });
});

describe('an option of sampling where nothing is drawn is an error at its line', () => {
  it.each([{ temperature: 0.7 }, { topK: 5 }, { topP: 0.9 }, { seed: 1 }, { doSample: false, temperature: 2 }])(
    '%j',
    async (options) => {
      const wrong = lm.generate(PROMPT, { maxNewTokens: 1, ...options }); // @greedy
      await traceFails(wrong, 'greedy', /but no token is drawn at random.*Add doSample: true/);
    },
  );

  it('but not where it says what happens anyway', async () => {
    const { tokens } = await lm.generate(PROMPT, { maxNewTokens: 2, temperature: 0, topK: 0, topP: 1 });
    expect(tokens).toEqual((await lm.generate(PROMPT, { maxNewTokens: 2 })).tokens);
  });
});

describe('an argument in the place of another one', () => {
  it('the block behind the options of a trace', () =>
    traceFails(
      lm.trace(clean, {}, () => save(lm.lm_head.output)), // @order
      'order',
      /takes the block before the options/,
    ));

  it('a module in the place of a tensor', () =>
    traceFails(
      lm.trace(clean, () => save(lm.transformer.h[1])), // @module
      'module',
      /transformer\.h\.1 is a module, not a tensor\. Its tensors are transformer\.h\.1\.output and transformer\.h\.1\.input/,
    ));

  it('a mask that is too short', async () => {
    const wrong = await rejection(lm.trace({ input_ids: [[1, 2, 3]], attention_mask: [[1, 1]] }));
    expect(wrong.message).toMatch(
      /attention_mask has dims \[1, 2\], but there are 1 rows of 3 tokens: it has dims \[1, 3\]/,
    );
  });

  it('generate takes block and options in either order', async () => {
    const block = () => save(lm.lm_head.output.argmax(-1));
    const [a, b] = [
      await lm.generate(PROMPT, { maxNewTokens: 3 }, block),
      await lm.generate(PROMPT, block, { maxNewTokens: 3 }),
    ];
    expect(b.tokens).toEqual(a.tokens);
    expect(b.tokens[0]).toHaveLength(3);
  });
});
