import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { linkOnnsight, userEnvironment } from '../plugin/project.ts';
import { TOY_MODEL } from './support/build.ts';

const HEAD = `import { intervention, type LanguageModel, save } from 'onnsight';
export type Unused = LanguageModel;
`;

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** What people write, and what they are told. */
const FILES: Record<string, string> = {
  // one whose block cannot be compiled, one that cannot be made, one that cannot be built
  'some.ts': `${HEAD}export const ok = intervention((m: LanguageModel) => ({ l: save(m.lm_head.output) }));
export const waits = intervention(async (m: LanguageModel) => {
  const l = save(await m.lm_head.output);
  return { l };
});
export const spec = intervention({ alpha: 'float32?' as 'float32' }, (m: LanguageModel) => ({ l: save(m.lm_head.output) }));
export const tries = intervention((m: LanguageModel) => {
  try { return save(m.lm_head.output); } finally { m.lm_head.output *= 2; }
});
export const deep = intervention((m: LanguageModel) => ({ l: save(m.transformer.h[9].output) }));
const seen: string[] = [];
export const tells = intervention((m: LanguageModel) => {
  if (m.lm_head.output.max() > 3) seen.push('high');
  return { l: save(m.lm_head.output) };
});
export const of = intervention((m: LanguageModel) => ({ l: save(m.lm_head.output) }));
const held = (m: LanguageModel) => save(eval('m.lm_head.output'));
export const holds = intervention(held);
async function helper(x: number) {
  'use trace';
  return eval('x * 2');
}
export const helped = intervention((m: LanguageModel) => ({ l: save(helper(m.lm_head.output) as never) }));
class Tools {
  static twice(x: number) {
    'use trace';
    return eval('x * 2');
  }
  half(x: number) {
    'use trace';
    return x / 2;
  }
}
export const twice = intervention((m: LanguageModel) => ({ l: save(Tools.twice(m.lm_head.output)) }));
export const half = intervention((m: LanguageModel) => ({ l: save(new Tools().half(m.lm_head.output)) }));
const later = async (m: LanguageModel) => save(m.lm_head.output);
export const lets = intervention(later as never);
export const misspelt = intervention({ alpha: 'float32' }, (m: LanguageModel, { alhpa }: any) => ({
  l: save(m.lm_head.output * alhpa),
}));
`,
  'throws.ts': `${HEAD}const settings = undefined as unknown as { alpha: number };
export const thrown = intervention((m: LanguageModel) => ({ l: save(m.lm_head.output) }));
console.log(settings.alpha);
`,
  'syntax.ts': `${HEAD}export const broken = intervention((m: LanguageModel) => ({ l: save(m.lm_head.output });\n`,
  'missing.ts': `${HEAD}import { z } from './nowhere';
export const misses = intervention((m: LanguageModel) => ({ l: save(m.lm_head.output * z) }));
`,
  'index.ts': `export { ok as again } from './some';\n`,
  'default.ts': `${HEAD}export default intervention((m: LanguageModel) => ({ l: save(m.lm_head.output) }));\n`,
  'keyword.ts': `${HEAD}const one = intervention((m: LanguageModel) => ({ l: save(m.lm_head.output) }));\nexport { one as class };\n`,
};

describe.each(['commonjs', 'module'])('in a package of type %s', (type) => {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-mistakes-')));
  afterAll(() => rmSync(project, { recursive: true, force: true }));
  linkOnnsight(project);
  mkdirSync(join(project, 'src'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'mine', version: '1.0.0', type }));
  for (const [name, text] of Object.entries(FILES)) {
    const imported = type === 'module' ? text.replace(/from '(\.\/\w+)'/g, "from '$1.ts'") : text;
    writeFileSync(join(project, 'src', name), imported);
  }

  const main = join(ROOT, 'dist/plugin/cli/main.js');
  const command = (file: string) => ['compile', `src/${file}`, '--model', TOY_MODEL, '--out', 'out'];
  const run = (...args: string[]): Promise<Ended> =>
    new Promise((resolve) => {
      execFile(process.execPath, args, { cwd: project, env: userEnvironment() }, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), output: stdout + stderr });
      });
    });
  const compile = (file: string, ...more: string[]) => run(main, ...command(file), ...more);

  it('one intervention that fails, in whatever way, keeps none of the others from being built', async () => {
    const { code, output } = await compile('some.ts');
    for (const name of ['ok', 'of', 'half']) expect(output).toMatch(new RegExp(`\\] ${name} .* done`));
    for (const name of ['waits', 'spec', 'tries', 'deep', 'holds', 'helped', 'twice', 'lets', 'misspelt', 'tells'])
      expect(output).toMatch(new RegExp(`\\] ${name} .* failed `));
    expect(output).toMatch(/^src\/some\.ts:5:\d+ - error ONN1006: `await` cannot stand in a trace block[\s\S]*\^{5}/m);
    expect(output).toMatch(/^src\/some\.ts:8:\d+ - The parameter 'alpha' is declared as "float32\?"/m);
    expect(output).toMatch(/^src\/some\.ts:10:\d+ - error ONN\d+: /m);
    expect(output).toMatch(/^src\/some\.ts:12:\d+ - no module transformer\.h\.9/m);
    expect(output).toMatch(
      /^src\/some\.ts:15:\d+ - The block changes what is outside of it \(an array\), .* Return it\./m,
    );
    for (const line of [19, 23, 29])
      expect(output).toMatch(new RegExp(`^src/some\\.ts:${line}:\\d+ - error ONN1002: `, 'm'));
    expect(output).toMatch(/^src\/some\.ts:38:\d+ - error ONN1007: /m);
    expect(output).toMatch(/^src\/some\.ts:40:\d+ - The intervention has no parameter 'alhpa'; did you mean alpha\?/m);
    expect(output).not.toMatch(/\n {4}at /);
    expect(code).toBe(1);
  });

  const told: [string, RegExp][] = [
    ['throws.ts', /TypeError: Cannot read properties of undefined.*\n +at .*src[\\/]throws\.ts:5:\d+\)?\n$/],
    ['syntax.ts', /syntax\.ts:3:\d+: ERROR: Expected "\)" but found "\}"/],
    ['missing.ts', /Cannot find module '.*nowhere/],
    [
      'index.ts',
      /^error: src\/index\.ts hands on 'again' of src\/some\.ts, where it is declared\. Compile that file\./,
    ],
    ['default.ts', /^error: src\/default\.ts:3:\d+ - The bundle would be called 'default', .* Rename the file/],
    ['keyword.ts', /^error: src\/keyword\.ts:3:\d+ - The bundle would be called 'class', .* Export it by another/],
  ];
  // the kind of package makes a difference for what Node says of it alone
  const here = told.filter(([file]) => type === 'commonjs' || file === 'missing.ts');
  const ended = new Map<string, Ended>();
  beforeAll(async () => {
    const commands = JSON.stringify(here.map(([file]) => command(file)));
    const { output } = await run(join(ROOT, 'test/support/commands.mjs'), main, commands);
    for (const [i, one] of (JSON.parse(output) as Ended[]).entries()) ended.set(here[i]![0], one);
  });
  it.each(here)('%s: what is wrong, without our own stack', (file, message) => {
    const { code, output } = ended.get(file)!;
    expect(output).toMatch(message);
    expect(output).not.toMatch(/at .*(plugin|node:internal|node_modules)/);
    expect(code).toBe(1);
  });

  it.skipIf(type === 'module')('the last intervention of a file goes, and its bundle with it', async () => {
    const path = join(project, 'src/gone.ts');
    writeFileSync(path, FILES['default.ts']!.replace('export default', 'export const gone ='));
    await compile('gone.ts');
    writeFileSync(path, HEAD);
    const checked = await compile('gone.ts', '--check');
    expect(checked.output).toMatch(/gone {2}not current: the intervention of src\/gone\.ts:3:14 is no longer exported/);
    expect(checked.code).toBe(1);
    const { output, code } = await compile('gone.ts');
    expect(output).toContain('gone  removed: the intervention of src/gone.ts:3:14 is no longer exported.');
    expect(output).toContain('No intervention is exported in src/gone.ts.');
    expect(existsSync(join(project, 'out/gone'))).toBe(false);
    expect(code).toBe(1);
  });
});
