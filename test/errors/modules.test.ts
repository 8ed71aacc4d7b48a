import { join } from 'node:path';
import { NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../runtime/model/error.ts';
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
      /has no operation 'Sofmax'; it has .*Softmax/,
    ));

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
      /nothing that could be set by the name 'ouput'\. Set \.output or \.input/,
    ));

  it('a module that is renamed', async () => {
    const rename = { 'transfomer.h': 'layers' };
    const error = await rejection(NNsight.load(join(TOY, 'model.onnx'), { device: 'cpu', rename }));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/no module transfomer\.h.*did you mean transformer/);
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
