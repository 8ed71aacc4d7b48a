import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isMember } from '../../runtime/api/members.ts';
import { declareModules } from '../../runtime/modules/declarations.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { allNames, namedModel } from '../modules/named-model.ts';
import { COMPILERS, check, ROOT } from './compilers.ts';

const OF_MODULES = 'calls get input inputs next ops output outputs path skip toString'.split(' ');
const OF_MODELS =
  'clearEdits device edit execute graph release scan session to trace then chatText config generate tokenizer'.split(
    ' ',
  );
const NAMES = allNames();

const folder = mkdtempSync(join(ROOT, 'test/types/out-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(join(folder, 'all.onnx'), namedModel([...NAMES, ...NAMES.map((name) => `block.${name}`)], NAMES));
const declared = declareModules(await readModel(join(folder, 'all.onnx')), { name: 'All', isMember });
writeFileSync(join(folder, 'all.d.ts'), declared);

const HEAD = [
  "import { LanguageModel, NNsight, type Traced } from 'onnsight';",
  "import type { All } from './all.js';",
];

/** A program that reads each module and each parameter: by its name where no member has it, else with get. */
function program(loader: string): string {
  const read = (of: string, members: readonly string[], name: string) =>
    members.includes(name) ? `${of}.get(${JSON.stringify(name)})` : `${of}[${JSON.stringify(name)}]`;
  return [
    ...HEAD,
    `const all = await ${loader}.load<All>('all');`,
    'let tensor: Traced;',
    ...NAMES.flatMap((name) => [
      `tensor = ${read('all', [...OF_MODULES, ...OF_MODELS], name)}.output;`,
      `tensor = ${read('all.block', OF_MODULES, name)}.output;`,
      `tensor = ${read('all.holder', OF_MODULES, name)};`,
    ]),
    'tensor;',
  ].join('\n');
}

/** Names that TypeScript lends to what can be called, of a model whose modules it does not know. */
const LOOSE = [
  ...HEAD,
  "const model = await NNsight.load('all');",
  'let tensor: Traced;',
  ...[...Object.getOwnPropertyNames(Object.prototype), ...Object.getOwnPropertyNames(Function.prototype)]
    .filter((name) => /^[a-z]\w*$/.test(name) && name !== 'toString')
    .flatMap((name) => [`tensor = model.${name}.output;`, `tensor = model.get('block').${name}.output;`]),
  'tensor;',
].join('\n');

describe('the types of a model whose modules have every name that a class here has', () => {
  it('tell which are reached with get alone, and of whom the member is', () => {
    for (const name of OF_MODULES) expect(declared).toContain(`// Every module has a member '${name}', so that`);
    for (const name of OF_MODELS) expect(declared).toContain(`// The model has a member '${name}', so that`);
    const told = [...declared.matchAll(/ has a member '(.*)', so that/g)].map(([, name]) => name);
    expect(new Set(told)).toEqual(new Set([...OF_MODULES, ...OF_MODELS]));
  });

  it.each(Object.entries(COMPILERS))(
    'lead to each of them, and to each parameter (%s)',
    { timeout: 120_000 },
    (_, compiler) => {
      const programs = { 'read.ts': program('NNsight'), 'read-text.ts': program('LanguageModel'), 'loose.ts': LOOSE };
      for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text);
      const files = Object.keys(programs).map((name) => join(folder, name));
      expect(check(compiler, folder, files)).toBe('');
    },
  );

  it('a module called then makes awaiting the module around it an error', { timeout: 120_000 }, () => {
    const lines = [...HEAD, "const all = await NNsight.load<All>('all');", 'await all.block;', 'await all;'];
    writeFileSync(join(folder, 'await.ts'), lines.join('\n'));
    const printed = check(COMPILERS['TypeScript 7']!, folder, [join(folder, 'await.ts')]);
    expect(printed.match(/await\.ts\((\d+),\d+\): error TS\d+/g)).toEqual(['await.ts(4,1): error TS1320']);
  });
});
