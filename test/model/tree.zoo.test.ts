import { describe, expect, test } from 'vitest';
import { findModule } from '../../runtime/model/find.ts';
import { buildTree } from '../../runtime/model/tree.ts';
import { EXPORTERS, MODELS, reference, referenceFeeds, runModel, zooModel } from './zoo.ts';

/** Modules that PyTorch ran and that are no longer in the graph: dropouts, and a convolution folded into its batch norm. */
const GONE: Readonly<Record<string, number>> = { bert: 5, cnn: 1, gpt2: 5, vit: 3 };

describe.each(MODELS)('every module of %s', (name) => {
  test.each(EXPORTERS)('has the output that PyTorch saw (%s exporter)', async (exporter) => {
    const model = await zooModel(name, exporter);
    const tree = buildTree(model);
    const expected = reference(name);
    const tensors = new Map<string, { dims: number[]; first: number[] }>();
    const gone: string[] = [];
    for (const [path, calls] of Object.entries(expected.modules)) {
      const found = lookUp(() => findModule(tree, path).calls);
      if (found.length === 0) gone.push(path);
      else {
        expect(found.length, `${path} is called`).toBe(calls.length);
        found.forEach((call, i) => {
          tensors.set(`${path} ${i}`, calls[i]!);
          expect(call.outputs.length, path).toBeGreaterThan(0);
        });
      }
    }
    expect(gone.length, `gone: ${gone}`).toBe(GONE[name] ?? 0);
    expect(gone.every((path) => /drop|stem\.0/.test(path))).toBe(true);

    const names = new Map([...tensors.keys()].map((key) => [key, outputOf(tree, key)]));
    const results = await runModel(model, referenceFeeds(model, expected), [...new Set(names.values())]);
    for (const [key, { dims, first }] of tensors) {
      const result = results[names.get(key)!]!;
      expect(result.dims, `${key} (${names.get(key)})`).toEqual(dims);
      const values = Array.from(result.data as Float32Array).slice(0, 8);
      const worst = Math.max(...values.map((value, i) => Math.abs(value - first[i]!)));
      expect(worst, `${key} (${names.get(key)}) is off`).toBeLessThan(1e-4);
    }
  });
});

function outputOf(tree: ReturnType<typeof buildTree>, key: string): string {
  const [path, call] = key.split(' ');
  return findModule(tree, path!).calls[Number(call)]!.outputs[0]!;
}

function lookUp<T>(find: () => readonly T[]): readonly T[] {
  try {
    return find();
  } catch {
    return [];
  }
}
