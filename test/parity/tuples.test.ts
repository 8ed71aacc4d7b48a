import { readFileSync } from 'node:fs';
import { type Loose, type NNsight, save, type Tensor, type Traced } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose } from '../support/toy.ts';
import { loadSmall } from './support.ts';

interface Case {
  readonly x: number[][];
  readonly path: string;
  readonly part: readonly { readonly dims: number[]; readonly data: number[] }[];
}

/** Modules that return several tensors, and what PyTorch returns (test/tools/tuples_fixtures.py). */
const cases: Readonly<Record<string, Case>> = JSON.parse(
  readFileSync(new URL('../fixtures/tuples/values.json', import.meta.url), 'utf8'),
);
/** What is known by what the tensors are: attention's probabilities, cosines and sines, what a pooler makes. */
const KNOWN = ['attention', 'rotary', 'pooled'];
const THROUGH = ['through', 'alone'];
const UNKNOWN = Object.keys(cases).filter((name) => ![...KNOWN, ...THROUGH].includes(name));

describe.each(['ts', 'dynamo'])('a module that returns several tensors (%s)', (kind) => {
  const opened = async (name: string) => [await loadSmall(`tuples/${name}.${kind}`), cases[name]!] as const;

  it.each(KNOWN)('has them in PyTorch’s order where what they are tells it: %s', async (name) => {
    const [model, { x, path, part }] = await opened(name);
    const found = await model.trace(x, () => ({
      main: save(model.get(path).output),
      all: model.get(path).outputs.map((one: Traced) => save(one)),
    }));
    expectClose(found.main, part[0]!);
    expect(found.all).toHaveLength(part.length);
    for (const [i, one] of found.all.entries()) expectClose(one!, part[i]!);
  });

  it.each(UNKNOWN)('else says so, and all are where it says: %s', async (name) => {
    const [model, { x, path, part }] = await opened(name);
    expect(String(model)).toContain('# the file does not tell the order of its outputs');
    const message = await refused(() => model.trace(x, () => save(model.get(path).output)));
    expect(message).toMatch(/tuples\.test\.ts:\d+:\d+ - /);
    const places = name === 'halves' && kind === 'dynamo' ? dividers(message) : told(message);
    const found = await model.trace(x, () => places.map((place) => save(at(model, place) as Traced)));
    for (const one of part) expect(found.filter((value) => isClose(value as unknown as Tensor, one))).toHaveLength(1);
  });

  it('refuses to set it as well, and a cache leaves it out', async () => {
    const [model, { x }] = await opened('pair-None');
    const set = model.trace(x, () => {
      model.part.output *= 2;
      return save(model.output);
    });
    await expect(set).rejects.toThrow(/tuples\.test\.ts:\d+:\d+ - 'part' returns several tensors/);
    expect(Object.keys(await model.trace(x, (tracer) => tracer.cache()))).toEqual([
      'part.first',
      'part.second',
      'head',
      'side',
    ]);
  });

  it('that is its own input is not in a file: without and with it, modules are written alike', async () => {
    const [through, alone] = THROUGH.map((name) => new URL(`../fixtures/tuples/${name}.${kind}.onnx`, import.meta.url));
    expect(readFileSync(through!).equals(readFileSync(alone!))).toBe(true);
    const [model, { x, part }] = await opened('through');
    expectClose(await model.trace(x, () => save(model.part.output)), part[1]!);
    expectClose(await model.trace(x, () => save(model.part.input)), part[0]!);
  });
});

async function refused(trace: () => Promise<unknown>): Promise<string> {
  return trace().then(
    () => 'not refused',
    (error: Error) => error.message,
  );
}

/** `… where they are made: part.ops.Relu.output, part.ops.TopK.outputs[1]` */
function told(message: string): string[] {
  return /where they are made: (.*)/.exec(message)![1]!.split(', ');
}

/** `… outputs of what divides it: get('node_Split_11')` */
function dividers(message: string): string[] {
  const [, node] = /get\('(\w+)'\)/.exec(message)!;
  return [0, 1].map((i) => `${node}.outputs[${i}]`);
}

function at(model: NNsight<Loose>, place: string): unknown {
  const [, path, index] = /^(.*?)\.outputs?(?:\[(\d)\])?$/.exec(place)!;
  const [module, operation] = path!.split('.ops.');
  const envoy = operation === undefined ? model.get(module!) : (model.get(module!).ops as Loose)[operation];
  return index === undefined ? envoy.output : envoy.outputs[Number(index)];
}

function isClose(value: Tensor, { dims, data }: { readonly dims: number[]; readonly data: number[] }): boolean {
  return value.dims.join() === dims.join() && data.every((one, i) => Math.abs(one - Number(value.data[i])) < 1e-5);
}
