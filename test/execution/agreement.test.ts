import { save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { type Module, walk } from '../../runtime/modules/module.ts';
import type { Segmentation } from '../../runtime/partition/segmentation.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';
import { FILES, modelPath, type Reference, reference } from '../support/fixtures.ts';
import { type Engines, type Inputs, openEngines, runGraph, SEGMENTATIONS } from './engines.ts';
import { type Compared, expectAgreement } from './ways.ts';

const inputsOf = (file: Engines, { inputs }: Reference): Inputs =>
  Object.fromEntries(
    file.map.model.inputs.map(({ name, dtype }) => {
      const { data, dims } = inputs[name]!;
      return [name, Tensor.from(data, dtype as 'float32', dims)];
    }),
  );

/** Every module that is called and of whose outputs the file tells which is the first, by its path. */
function calledModules({ map }: Engines): string[] {
  const isKnown = ({ path, calls }: Module) => path !== '' && calls.length > 0 && calls[0]!.order !== 'unknown';
  return [...walk(map.tree)].filter(isKnown).map(({ path }) => path);
}

/** Modules from everywhere in the model: every n-th, so that there are a few. */
function someModules(file: Engines): string[] {
  const called = calledModules(file);
  return called.filter((_, i) => i % Math.ceil(called.length / 6) === 0);
}

/** What a block gives under each way to cut the model, or the message of the error. */
async function outcomes({ model, engine }: Engines, inputs: Inputs, block: () => unknown) {
  const found = new Map<Segmentation, Record<string, Compared> | string>();
  for (const segmentation of SEGMENTATIONS) {
    const run = async () => runGraph(engine(segmentation), await model.graph(inputs, block), inputs);
    found.set(segmentation, await run().then(({ tensors }) => Object.fromEntries(tensors.entries()), String));
  }
  return found;
}

/** What some modules of some models do not have: an input, one of floats, a way to something that is saved. */
const REFUSED =
  /there is no inputs\[0\]|so it can have no effect|is a cycle|is int64 and cannot be set to float32|takes int64 values/;

describe.each(FILES)('%s (%s exporter)', (name, exporter) => {
  it('gives the same whole, cut at its layers and cut at every module', async () => {
    const file = await openEngines(modelPath(name, exporter));
    const inputs = inputsOf(file, reference(name));
    const { model } = file;
    const everything = () => {
      'use trace';
      const outputs = calledModules(file).flatMap((path) =>
        [...model.get(path).calls].map(({ output }) => save(output)),
      );
      return [outputs, save(model.output)];
    };
    const read = expectAgreement(await outcomes(file, inputs, everything), 'the outputs of all modules');
    expect(read).toBeTypeOf('object');
    for (const path of someModules(file)) {
      const module = () => model.get(path);
      const blocks: Record<string, () => unknown> = {
        read: () => {
          'use trace';
          return [save(module().output), save(module().input)];
        },
        'scale the output': () => {
          'use trace';
          module().output *= 0.5;
          return save(model.output);
        },
        'change the input for this module alone': () => {
          'use trace';
          module().input = module().input * 0.5;
          return [save(model.output), save(module().output)];
        },
        'run it again on half its input': () => {
          'use trace';
          const again = module()(module().input * 0.5);
          module().output = again;
          return [save(again), save(model.output)];
        },
      };
      for (const [what, block] of Object.entries(blocks)) {
        const whole = expectAgreement(await outcomes(file, inputs, block), `${path}: ${what}`);
        if (typeof whole === 'string') expect(whole, path).toMatch(REFUSED);
      }
    }
  });
});
