import { cat, cumsum, save, unsqueeze } from 'onnsight';
import { describe, it } from 'vitest';
import { clean, lm, marked, rejection } from './support.ts';

const { expectMistake, lineOf, traceFails } = marked(import.meta.url);

describe('an assignment that does not fit', () => {
  it.each<[string, string]>([
    ['the features of one position', '0, -1'],
    ['one row without its dimension', '0'],
    ['one position', ':, -1:'],
  ])('a shape that PyTorch would go on with: %s', (_, index) =>
    traceFails(
      lm.trace(clean, () => {
        const layer = lm.transformer.h[1];
        layer.output = layer.output[index]; // @another shape
        return save(lm.lm_head.output);
      }),
      'another shape',
      /transformer\.h\.1\.output has dims \[1,15,128\] and cannot be set to a tensor of dims \[.*128\]: the rest of the model expects its shape\. .*transformer\.h\.1\.output\[':'\] = …/,
    ),
  );

  it('another size', () =>
    traceFails(
      lm.trace(clean, () => {
        const wide = cat([lm.transformer.h[0].output, lm.transformer.h[0].output], -1);
        lm.transformer.h[1].output = wide; // @shape
        return save(lm.lm_head.output);
      }),
      'shape',
      /transformer\.h\.1\.output has dims \[1,15,128\] and cannot be set to a tensor of dims \[1,15,256\]/,
    ));

  it('a float where integers are', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.wte.input = lm.transformer.wte.input * 0.5; // @float
        return save(lm.lm_head.output);
      }),
      'float',
      /wte\.input is int64 and cannot be set to float32\. Convert the value with to\('int64'\)/,
    ));

  it('a slice', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[1].output;
        h[':, -1'] = [1, 2, 3]; // @slice
        return save(lm.lm_head.output);
      }),
      'slice',
      /setitem: shape mismatch: value tensor of shape \[3\] cannot be broadcast to indexing result of shape \[1, 128\]/,
    ));

  it('no tensor', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[1].output = undefined as never; // @no tensor
        return save(lm.lm_head.output);
      }),
      'no tensor',
      /undefined cannot be used as a tensor/,
    ));

  it('a cycle', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const first = lm.transformer.h[0].input * 2;
        const last = lm.transformer.h[3].output; // @cycle read
        lm.transformer.h[0].output = last + first; // @cycle write
        return save(lm.lm_head.output);
      }),
    );
    await expectMistake(
      error,
      'cycle write',
      /transformer\.h\.0\.output is set to a value that depends on transformer\.h\.3\.output/,
      new RegExp(`assignments\\.test\\.ts:${lineOf('cycle read')}:\\d+`),
      /only be fed into modules that run after/,
    );
  });

  it.each([1, 2])('rows that only the run counts, and that are not all: %s of them', (rows) =>
    traceFails(
      lm.trace(clean, () => {
        const layer = lm.transformer.h[1];
        const counted = cumsum(lm.inputs.input_ids[0]! * 0 + 1, 0);
        layer.output = unsqueeze(layer.output[0]![(counted <= rows) as never]!, 0); // @counted
        return save(lm.lm_head.output);
      }),
      'counted',
      /could not run with this intervention/,
    ),
  );

  it('a cycle through a value that was read in passing', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const logits = lm.lm_head.output; // @late read
        const level = logits.mean();
        lm.transformer.wpe.output = level; // @late write
        return save(lm.lm_head.output);
      }),
    );
    await expectMistake(
      error,
      'late write',
      new RegExp(`read at .*assignments\\.test\\.ts:${lineOf('late read')}:\\d+`),
    );
  });

  it('a cycle through a value that was read by a long way', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const [attended] = lm.get('transformer').h[-1].attn.calls[0].outputs; // @long read
        lm.transformer.wpe.output = attended.mean(); // @long write
        return save(lm.lm_head.output);
      }),
    );
    await expectMistake(
      error,
      'long write',
      new RegExp(`read at .*assignments\\.test\\.ts:${lineOf('long read')}:\\d+`),
    );
  });

  it('one that nothing saved depends on', () =>
    traceFails(
      lm.trace(clean, () => {
        const early = save(lm.transformer.h[0].output);
        lm.transformer.h[2].output *= 0.5; // @no effect
        return early;
      }),
      'no effect',
      /transformer\.h\.2\.output is set, but nothing that is saved depends on it/,
    ));
});
