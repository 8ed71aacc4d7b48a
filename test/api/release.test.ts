import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { intervention, LanguageModel, NNsight, RemoteBackend, save } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeRawTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { rejection, thrown } from '../errors/support.ts';
import { TOY } from '../support/toy.ts';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
const load = (): Promise<any> => NNsight.load(MLP, { device: 'cpu' });
const WAS_RELEASED = /release\.test\.ts:\d+:\d+ - .*mlp\.ts\.onnx was released, so nothing runs on it/;

const folder = mkdtempSync(join(tmpdir(), 'onnsight-release-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a model that is released', () => {
  it('runs nothing any more, and says so at the line', async () => {
    const model = await load();
    const edited = model.edit(() => {
      model.layer1.output *= 2;
    });
    const before = await model.trace({ x }, () => save(model.output));
    await model.release();
    await model.release();
    for (const one of [model, edited]) {
      for (const member of ['trace', 'scan', 'session', 'graph', 'execute', 'edit', 'to']) {
        expect(thrown(() => one[member]).message).toMatch(WAS_RELEASED);
      }
    }
    expect(before.dims).toEqual([1, 2]);
    // What knows the file, but runs nothing, is there.
    expect([model.device, String(model)]).toEqual(['cpu', expect.stringContaining('layer1')]);
    const other = await load();
    const called = other.trace({ x }, () => save(model(other.layer1.input)));
    expect((await rejection(called)).message).toMatch(WAS_RELEASED);
  });

  it('at the end of a scope', async () => {
    const [model, other] = [await load(), await load()];
    model[Symbol.dispose]();
    await other[Symbol.asyncDispose]();
    for (const one of [model, other]) expect(thrown(() => one.trace).message).toMatch(WAS_RELEASED);
  });

  it('generates, caches, asks a server and runs what was taken from it no more, either', async () => {
    const model = await LanguageModel.load(TOY, { device: 'cpu' });
    const own = intervention((one: LanguageModel) => save(one.lm_head.output));
    const kept = await model.trace('Hello', () => save(model.lm_head.output));
    // Taken out before: what runs later has no line of its own, but names the file.
    const [trace, generate] = [model.trace.bind(model), model.generate.bind(model)];
    await model.release();
    const backend = new RemoteBackend('http://localhost:9');
    for (const use of [
      () => model.generate('Hello', { maxNewTokens: 1 }),
      () => model.trace('Hello', (tracer) => tracer.cache()),
      () => model.trace('Hello', { backend }),
      () => own(model, 'Hello'),
      () => trace('Hello'),
      () => generate('Hello', { maxNewTokens: 1 }),
    ]) {
      const error = await Promise.resolve()
        .then(use)
        .catch((reason: unknown) => reason);
      expect(String(error)).toMatch(/model\.onnx was released/);
    }
    expect(kept.toArray()).toBeDefined();
  });

  it('while traces of it run, ends them with their results or an error', async () => {
    const model = await LanguageModel.load(TOY, { device: 'cpu' });
    const running = Array.from({ length: 4 }, () => model.generate('The Eiffel', { maxNewTokens: 8 }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await model.release();
    const ends = await Promise.allSettled(running);
    for (const end of ends) {
      if (end.status === 'rejected') expect(String(end.reason)).toMatch(/was released/);
    }
  });
});

it('models that nobody holds do not fill the memory', { timeout: 120_000 }, () => {
  const size = 2500;
  const rows = new Float32Array(size * size).fill(1 / size);
  const names = ['m.a.weight', 'm.b.weight', 'm.c.weight', 'm.d.weight'];
  const tensors = ['x', 'a', 'b', 'c', 'y'];
  const nodes = names.map((name, i) =>
    makeNode('MatMul', [tensors[i]!, name], [tensors[i + 1]!], {}, `/${name[0]}/${name[2]}/MatMul`),
  );
  const weights = names.map((name) => makeRawTensor(name, 'float32', rows, [size, size]));
  const [input, output] = ['x', 'y'].map((name) => makeValueInfo(name, 'float32', ['n', size]));
  const path = join(folder, 'large.onnx');
  // 100 MB, and 200 as a session has them.
  writeFileSync(path, encodeModel(makeModel(makeGraph('g', nodes, [input!], [output!], weights))));
  const program = `
    import { NNsight } from 'onnsight';
    const x = [Array(${size}).fill(1)];
    for (let i = 0; i < 15; i++) await (await NNsight.load(process.argv[1], { device: 'cpu' })).trace({ x });
    console.log(process.memoryUsage().rss);`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program, path], { encoding: 'utf8' });
  expect(Number(printed) / 2 ** 20).toBeLessThan(1000);
});
