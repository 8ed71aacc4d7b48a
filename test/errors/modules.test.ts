import { join } from 'node:path';
import { NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../runtime/onnx/error.ts';
import { loadToy, TOY } from '../support/toy.ts';
import { clean, lm, marked, rejection, thrown } from './support.ts';

const { expectMistake, traceFails } = marked(import.meta.url);
const other = await loadToy();

describe('a module that is not there', () => {
  it('a path with a typo', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const scaled = lm.transformer.h[0].output * 2;
        lm.transformer.h[1].output = scaled;
        const typo = lm.transformer.h[1].mpl.output; // @typo
        return save(typo);
      }),
    );
    await expectMistake(error, 'typo', /no module transformer\.h\.1\.mpl/, /did you mean transformer\.h\.1\.mlp/);
    expect(error.cause).toBeInstanceOf(ModelError);
  });

  it('a path with a typo in get', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.get('transformer.h.1').output *= 2;
        return save(lm.get('transfomer.h').output); // @typo in get
      }),
      'typo in get',
      /did you mean transformer/,
    ));

  it('a layer that the model does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        const layer = lm.transformer.h[7]; // @layer
        return save(layer.output);
      }),
      'layer',
      /4 children, so its indices run from -4 to 3/,
    ));

  it('an operation that a module does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        const first = lm.transformer.h[0].output * 2;
        const pattern = lm.transformer.h[0].attn.ops.Sofmax.output; // @operation
        return save(pattern * first);
      }),
      'operation',
      /has no operation 'Sofmax'; it has .*Softmax.*; did you mean Softmax\?/,
    ));

  it('an operation that the model does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        return save(lm.ops.MatMull!.output); // @model operation
      }),
      'model operation',
      /the model has no operation 'MatMull'; it has .*MatMul.*named Name_1, and so on\); did you mean MatMul or MatMul_/,
    ));

  it('a member with a typo', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[0].output *= 2;
        return save((lm.transformer.h[1] as never as { outptu: number }).outptu); // @member
      }),
      'member',
      /no module transformer\.h\.1\.outptu: transformer\.h\.1 has ln_1, attn, ln_2, mlp; did you mean \.output or \.outputs\?/,
    ));

  it('a parameter with a typo', () =>
    traceFails(
      lm.trace(clean, () => {
        return save((lm.transformer.ln_f as never as { wieght: number }).wieght); // @parameter
      }),
      'parameter',
      /no module transformer\.ln_f\.wieght: transformer\.ln_f has no modules in it; did you mean \.weight\?/,
    ));

  it('a call that the module does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[0].output *= 2;
        const third = lm.transformer.h[1].calls[3]; // @call
        return save(third!.output);
      }),
      'call',
      /no transformer\.h\.1\.calls\[3\]: transformer\.h\.1\.calls has 1 entry, so its indices run from -1 to 0/,
    ));

  it('an output that the module does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        return save(lm.transformer.h[1].outputs[5]!); // @outputs
      }),
      'outputs',
      /no transformer\.h\.1\.outputs\[5\]: transformer\.h\.1\.outputs has \d+ entr/,
    ));

  it('an entry of the outputs that is set', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[1].outputs[0] = 0 as never; // @set outputs
        return save(lm.lm_head.output);
      }),
      'set outputs',
      /transformer\.h\.1\.outputs\[0\] cannot be set.*Set all of them: transformer\.h\.1\.outputs = \[…\]/,
    ));

  it('calls and outputs count from the end too', async () => {
    const { call, output, direct } = await lm.trace(clean, () => {
      const layer = lm.transformer.h[1];
      return { call: save(layer.calls[-1]!.output), output: save(layer.outputs.at(0)!), direct: save(layer.output) };
    });
    expect(call.data).toEqual(direct.data);
    expect(output.data).toEqual(direct.data);
  });

  it('a container that is never called', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[0].output *= 2;
        return save(lm.transformer.h.output); // @container
      }),
      'container',
      /container that is never called/,
    ));

  it('something set that is no output or input', () =>
    traceFails(
      lm.trace(clean, () => {
        Object.assign(lm.transformer.h[0], { ouput: 1 }); // @set
      }),
      'set',
      /no member 'ouput' that can be set\. Set \.output or \.input of a module; did you mean output\?/,
    ));

  it('something set that can only be read', () =>
    traceFails(
      lm.trace(clean, () => {
        Object.assign(lm.transformer.h[0], { calls: 1 }); // @set calls
      }),
      'set calls',
      /no member 'calls' that can be set/,
    ));

  it('a module that is deleted', () =>
    traceFails(
      lm.trace(clean, () => {
        delete (lm.transformer as never as { h?: unknown }).h; // @delete
        return save(lm.lm_head.output);
      }),
      'delete',
      /transformer\.h cannot be deleted.*skip\(value\)/,
    ));

  it('a module that is renamed', async () => {
    const rename = { 'transfomer.h': 'layers' };
    const error = await rejection(NNsight.load(join(TOY, 'model.onnx'), { device: 'cpu', rename }));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/no module transfomer\.h.*did you mean transformer/);
  });

  it.each([
    [
      'a typo',
      () => (lm.transformer as never as { hh: unknown }).hh,
      /no module transformer\.hh: .*did you mean .*transformer\.h/,
    ],
    ['an index', () => lm.transformer.h[99], /no module transformer\.h\.99: .* indices run from -4 to 3/],
    [
      'a path',
      () => lm.get('lm_haed'),
      /no module lm_haed: the model has transformer, lm_head; did you mean lm_head\?/,
    ],
  ] as const)('%s outside of a trace', (_, read, says) => {
    const error = thrown(read);
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/^test\/errors\/modules\.test\.ts:\d+:\d+ - /);
    expect(error.message).toMatch(says);
  });

  it('outside of a trace', async () => {
    const error = thrown(() => {
      lm.transformer.h[0].output; // @outside
    });
    await expectMistake(error, 'outside', /transformer\.h\.0 is read outside of a trace/, /in the block of/);
  });

  it('a module of another model', () =>
    traceFails(
      lm.trace(clean, () => {
        const own = lm.transformer.h[0].output * 2;
        return save(own + other.transformer.h[1].output); // @other model
      }),
      'other model',
      /belongs to another model/,
    ));
});
