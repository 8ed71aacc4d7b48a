import { readFileSync } from 'node:fs';
import { NNsight, save, type Tensor } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { EXPORTERS, modelPath, reference } from '../support/fixtures.ts';
import { expectClose, maxDifference } from '../support/toy.ts';
import { halfOf, halve, inputsOf, type Loaded, loadZoo, readable, readModules, ZOO, zooReference } from './zoo.ts';

const values = (tensor: Tensor) => Array.from(tensor.data as ArrayLike<number>, Number);

/** Reads a module's output as a trace that saves nothing else would, to see the error. */
function readOne(model: Loaded, path: string, inputs: ReturnType<typeof inputsOf>): Promise<unknown> {
  return model.trace(inputs, () => save(model.get(path).output));
}

describe.each(Object.entries(ZOO))('%s', (name, { agree, halved, nameless = [], fused = {} }) => {
  const expected = zooReference(name);
  const inputs = inputsOf(expected);

  it.each(EXPORTERS)('one trace reads every output that PyTorch saw (%s exporter)', async (exporter) => {
    const model = await loadZoo(name, exporter, 'cpu');
    for (const { what, actual, expected } of await readModules(model, name)) expectClose(actual, expected, what);
    const paths = readable(name);
    for (const path of paths) expect(model.get(path).calls.length, path).toBe(expected.modules[path]!.length);
    expect([paths.length, Object.keys(expected.modules).length]).toEqual(agree);
  });

  it.each(EXPORTERS)('what the file has lost is an error that says so (%s exporter)', async (exporter) => {
    const model = await loadZoo(name, exporter, 'cpu');
    for (const path of nameless) {
      await expect(readOne(model, path, inputs), path).rejects.toThrow(`no module ${path}`);
    }
    for (const [path, into] of Object.entries(fused)) {
      await expect(readOne(model, path, inputs)).rejects.toThrow(`read ${into}.output instead`);
    }
  });

  it(`halving ${halved} changes the output, the same in both files, and only in that trace`, async () => {
    const outputs: number[][] = [];
    for (const exporter of EXPORTERS) {
      const model = await loadZoo(name, exporter, 'cpu');
      const steered = await halve(model, name);
      expectClose(steered.module, halfOf(name));
      const clean = await model.trace(inputs, () => save(model.output));
      expectClose(clean, expected.output);
      expect(maxDifference(values(steered.output), values(clean))).toBeGreaterThan(1e-3);
      outputs.push(values(steered.output));
    }
    expect(maxDifference(outputs[0]!, outputs[1]!)).toBeLessThan(1e-4);
  });
});

it('the manual tells these numbers', () => {
  const page = readFileSync(new URL('../../docs/model-files.md', import.meta.url), 'utf8');
  for (const [name, { agree }] of Object.entries(ZOO)) {
    expect(page).toContain(`| ${name} | ${agree.join(' / ')} | ${agree.join(' / ')} |`);
  }
});

it.each(EXPORTERS)('halving one call of a module leaves the calls before it alone (%s exporter)', async (exporter) => {
  const model = await loadZoo('rnn', exporter, 'cpu');
  const expected = zooReference('rnn');
  const heads: string[] = [];
  for (const halved of [0, 1, 2]) {
    const { cells, head } = await model.trace(inputsOf(expected), () => {
      model.act.calls[halved].output *= 0.5;
      return { cells: [0, 1, 2].map((i) => save(model.cell.calls[i].output)), head: save(model.head.output) };
    });
    for (const [i, { first }] of expected.modules.cell!.entries()) {
      const moved = maxDifference(first, values((cells as Tensor[])[i]!));
      if (i <= halved) expect(moved).toBeLessThan(1e-4);
      else expect(moved).toBeGreaterThan(1e-3);
    }
    heads.push(
      values(head)
        .map((value) => value.toFixed(4))
        .join(),
    );
  }
  expect(new Set(heads).size).toBe(3);
});

describe('a dropout in a numbered list reads as its input', () => {
  const cases = [
    ['edge/siamese', 'enc.2', 'enc.1'],
    ['edge/same', 'h.net.1', 'h.net.0'],
  ] as const;
  it.each(cases.flatMap((one) => EXPORTERS.map((exporter) => [...one, exporter] as const)))(
    '%s: %s is %s (%s exporter)',
    async (name, dropout, before, exporter) => {
      const model = await NNsight.load(modelPath(name, exporter), { device: 'cpu' });
      const expected = reference(name);
      const [tried, usual] = [expected.modules[dropout]!, inputsOf(expected)];
      expect(model.get(dropout).calls.length).toBe(tried.length);
      const got = await model.trace(usual, () => {
        const calls = tried.map((_, i) => ({
          output: save(model.get(dropout).calls[i]!.output),
          input: save(model.get(dropout).calls[i]!.input),
          before: save(model.get(before).calls[i]!.output),
        }));
        return { calls, output: save(model.output) };
      });
      for (const [i, { output, input, before }] of (got.calls as Record<string, Tensor>[]).entries()) {
        expectClose(output!, tried[i]!);
        expect(values(output!)).toEqual(values(before!));
        expect(values(input!)).toEqual(values(before!));
      }
      const written = await model.trace(usual, () => {
        model.get(dropout).input = model.get(dropout).input * 0.5;
        return { output: save(model.output), dropout: save(model.get(dropout).output) };
      });
      const halved = await model.trace(usual, () => {
        model.get(before).output *= 0.5;
        return save(model.output);
      });
      expect(maxDifference(values(halved), values(got.output))).toBeGreaterThan(1e-3);
      expect(maxDifference(values(written.output), values(halved))).toBeLessThan(1e-5);
      expect(
        maxDifference(
          tried[0]!.first.map((value) => value / 2),
          values(written.dropout),
        ),
      ).toBeLessThan(1e-4);
    },
  );
});
