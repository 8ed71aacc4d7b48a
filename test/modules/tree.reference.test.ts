import { describe, expect, test } from 'vitest';
import { findModule } from '../../runtime/modules/find.ts';
import type { Module } from '../../runtime/modules/module.ts';
import { buildTree } from '../../runtime/modules/tree.ts';
import { EXPORTERS, FILES, type Reference, reference } from '../support/fixtures.ts';
import { fixtureModel, offset, referenceFeeds, runModel } from '../support/run-model.ts';

/** Modules that PyTorch ran and that the file has no name for: dropouts, and a batch norm that TorchScript has folded. */
const NAMELESS: Readonly<Record<string, number>> = {
  'zoo/bert': 5,
  'zoo/gpt2': 5,
  'zoo/vit': 3,
  'edge/albert': 1,
  'edge/twice': 1,
  'edge/res ts': 1,
};
/** Modules whose output is computed no more: convolutions with a batch norm behind them. */
const FUSED: Readonly<Record<string, string[]>> = { 'zoo/cnn': ['stem.0'], 'edge/res': ['conv1'] };
/** Modules that do nothing and are known from a gap in their list: dropouts. */
const IDENTITY: Readonly<Record<string, string[]>> = { 'edge/siamese': ['enc.2'], 'edge/same': ['h.net.1'] };

describe('every module has the output that PyTorch saw', () => {
  test.each(FILES)('%s (%s exporter)', async (name, exporter) => {
    const model = await fixtureModel(name, exporter);
    const tree = buildTree(model);
    const expected = reference(name);
    const { outputs, nameless, fused, identity } = sortOut(tree, expected);

    expect(nameless.length, `${nameless}`).toBe(NAMELESS[`${name} ${exporter}`] ?? NAMELESS[name] ?? 0);
    expect(nameless.filter((path) => !/drop|bn1/.test(path))).toEqual([]);
    expect(fused).toEqual(FUSED[name] ?? []);
    expect(identity).toEqual(IDENTITY[name] ?? []);

    const results = await runModel(model, referenceFeeds(model, expected), [...new Set(outputs.values())]);
    for (const [key, output] of outputs) {
      const [path, call] = key.split(' ');
      expect(offset(results[output], expected.modules[path!]![Number(call)]!), `${key}: ${output}`).toBeLessThan(1e-4);
    }
  });

  test.each([
    ['zoo/cnn', 'dynamo', 'stem.0', 'stem.1'],
    ['zoo/cnn', 'ts', 'stem.0', 'stem.1'],
    ['edge/res', 'dynamo', 'conv1', 'bn1'],
    // TorchScript leaves no name of the batch norm behind: all that can be known is that this is no longer the convolution.
    ['edge/res', 'ts', 'conv1', null],
  ])('%s (%s exporter): %s is fused into %s', async (name, exporter, path, into) => {
    const tree = buildTree(await fixtureModel(name, exporter));
    expect(findModule(tree, path).note).toMatchObject({ kind: 'fused', into });
    expect(findModule(tree, path).calls).toEqual([]);
  });

  test.each(EXPORTERS)('a module called several times has a call for each (%s exporter)', async (exporter) => {
    const tree = buildTree(await fixtureModel('zoo/rnn', exporter));
    expect(findModule(tree, 'cell').calls).toHaveLength(3);
    expect(findModule(tree, 'act').calls).toHaveLength(3);
    const outputs = findModule(tree, 'cell').calls.map((call) => call.outputs[0]);
    expect(new Set(outputs).size).toBe(3);
  });
});

function sortOut(tree: Module, { modules }: Reference) {
  const outputs = new Map<string, string>();
  const nameless: string[] = [];
  const fused: string[] = [];
  const identity: string[] = [];
  for (const [path, calls] of Object.entries(modules)) {
    const module = lookUp(tree, path);
    if (module === null) nameless.push(path);
    else if (module.note?.kind === 'fused') fused.push(path);
    else {
      if (module.note?.kind === 'identity') identity.push(path);
      expect(module.calls.length, `calls of ${path}`).toBe(calls.length);
      module.calls.forEach((call, i) => {
        outputs.set(`${path} ${i}`, call.outputs[0]!);
      });
    }
  }
  return { outputs, nameless, fused, identity };
}

function lookUp(tree: Module, path: string): Module | null {
  try {
    return findModule(tree, path);
  } catch {
    return null;
  }
}
