import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isMember } from '../../runtime/api/members.ts';
import { declareModules } from '../../runtime/modules/declarations.ts';
import { typeName } from '../../runtime/modules/kind-names.ts';
import type { OnnxModel } from '../../runtime/onnx/model.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { graphModel } from '../support/models.ts';
import { fixtureModel } from '../support/run-model.ts';
import { COMPILERS, check, ROOT } from '../types/compilers.ts';

const folder = mkdtempSync(join(ROOT, 'test/modules/out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const declare = (model: OnnxModel) => declareModules(model, { name: 'Net', isMember });
const interfaces = (text: string) => [...text.matchAll(/^export interface (.*) extends (.*) \{$/gm)];

/** A chain of Relu nodes, each in a module of its own. */
async function modulesAt(...paths: string[]): Promise<OnnxModel> {
  const model = graphModel(
    { x: [2, 3] },
    paths.map((_, i) => ['Relu', [i === 0 ? 'x' : `y${i - 1}`], `y${i}`]),
  );
  for (const [i, path] of paths.entries()) model.graph.node[i]!.name = `/${path}/Relu`;
  return model;
}

describe('the declarations of a model', () => {
  it('have one interface for the blocks of a list, named by its class where the file tells', async () => {
    const found = interfaces(declare(await fixtureModel('zoo/gpt2', 'dynamo')));
    expect(found.map(([, name]) => name)).toEqual([
      'Net',
      'GPT2LMHeadModel',
      'GPT2Model',
      'Embedding',
      'H',
      'GPT2Block',
      'LayerNorm',
      'GPT2Attention',
      'Conv1D',
      'GPT2MLP',
      'NewGELUActivation',
      'Linear',
    ]);
    expect(found[4]![2]).toBe('ModuleList<GPT2Block>, Readonly<Record<0 | 1 | -2 | -1, GPT2Block>>');
  });

  it('give each number of a Sequential its own type', async () => {
    const found = interfaces(declare(await fixtureModel('zoo/cnn', 'dynamo')));
    expect(found.find(([, name]) => name === 'Sequential')![2]).toBe(
      'ModuleList<StemItem | BatchNorm2d | ReLU>, Readonly<Record<0 | -3, StemItem>>, Readonly<Record<1 | -2, BatchNorm2d>>, Readonly<Record<2 | -1, ReLU>>',
    );
  });

  it('have the weights that the file has transposed, of the shape that PyTorch gives them', async () => {
    const sae = declare(await fixtureModel('zoo/sae', 'ts'));
    expect(sae).toMatch(/interface Encoder [^}]*\n {2}readonly weight: Traced;\n {2}readonly bias: Traced;\n/);
    const toy = declare(await readModel(join(ROOT, 'models/toy-gpt2/model.onnx')));
    expect(toy).toContain('  /** `lm_head.weight`: float32 [189, 128] */\n  readonly weight: Traced;');
  });

  it('quote odd names, and reach what is named like a member with get', async () => {
    const text = declare(
      await modulesAt('a-b', "it's", 'class', 'then', 'trace', 'block/trace', 'block/ops', 'list/3'),
    );
    for (const line of [
      "readonly 'a-b': AB;",
      "readonly 'it\\'s': AB;",
      'readonly class: AB;',
      "get(path: 'then'): AB;",
      "get(path: 'trace'): AB;",
      'readonly trace: AB;',
      "get(path: 'ops'): AB;",
      'readonly 3: AB;',
    ]) {
      expect(text).toContain(`\n  ${line}\n`);
    }
    expect(text).not.toMatch(/readonly (then|ops): AB/);
    writeFileSync(join(folder, 'odd.d.ts'), text);
    writeFileSync(
      join(folder, 'use-odd.ts'),
      "import type { Net } from './odd.js';\nexport const f = (m: Net) => m.list[3].output;\n",
    );
    const printed = check(COMPILERS['TypeScript 7']!, folder, [join(folder, 'use-odd.ts')], { skipLibCheck: false });
    expect(printed.split('\n').filter((line) => /odd.*error TS/.test(line))).toEqual([]);
  });

  it('cannot be broken out of by a name in the file', async () => {
    const text = declare(await modulesAt("a*'; } evil", 'b*', 'line\nbreak'));
    writeFileSync(join(folder, 'evil.d.ts'), text);
    writeFileSync(
      join(folder, 'use-evil.ts'),
      "import type { Net } from './evil.js';\nexport const f = (m: Net) => m['b*'].output;\n",
    );
    const printed = check(COMPILERS['TypeScript 7']!, folder, [join(folder, 'use-evil.ts')], { skipLibCheck: false });
    expect(printed.split('\n').filter((line) => /evil.*error TS/.test(line))).toEqual([]);
  });

  it('name types as TypeScript allows', () => {
    expect(['toy-gpt2', 'c_attn', '3d', 'model.v2', 'größe', '***'].map(typeName)).toEqual([
      'ToyGpt2',
      'CAttn',
      '_3d',
      'ModelV2',
      'Größe',
      '_',
    ]);
  });
});
