import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { linkOnnsight, userEnvironment } from '../plugin/project.ts';
import { TOY_MODEL } from './support/build.ts';

/** A package as `npm init -y` makes it. */
const project = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-commonjs-')));
afterAll(() => rmSync(project, { recursive: true, force: true }));
linkOnnsight(project);
mkdirSync(join(project, 'src'));
const write = (name: string, text: string) => writeFileSync(join(project, name), text);
write('package.json', JSON.stringify({ name: 'mine', version: '1.0.0', main: 'index.js', type: 'commonjs' }));
write(
  'src/steer.ts',
  `import { intervention, type LanguageModel, save } from 'onnsight';
import { randomInt } from 'node:crypto';
const SIDE = Date.now() > 0 && randomInt(5) < 5 ? 1 : 0;
export const steer = intervention({ alpha: 'float32' }, (gpt2: LanguageModel, { alpha }) => {
  gpt2.transformer.h[1].output *= alpha * (Math.random() < 2 ? SIDE : 0);
  return { logits: save(gpt2.lm_head.output) };
});
`,
);
write(
  'src/plain.js',
  `const { save } = require('onnsight');
exports.plain = require('onnsight').intervention({ alpha: 'float32' }, (gpt2, { alpha }) => {
  gpt2.transformer.h[1].output *= alpha;
  return { logits: save(gpt2.lm_head.output) };
});
`,
);
const INPUTS = '{ input_ids: [[1, 2]], alpha: 2, attention_mask: undefined }';
const show = (name: string) => `(await ${name}(${INPUTS})).logits.data.at(-1)`;
write(
  'use.cjs',
  `const { steer } = require('./out/steer/steer.js');
const { plain } = require('./out/plain/plain.js');
(async () => console.log(${show('steer')} === ${show('plain')}, ${show('steer')}))();
`,
);
write('use.mjs', `import { steer } from './out/steer/steer.js';\nconsole.log(${show('steer')});\n`);
write(
  'use.ts',
  `import { LanguageModel } from 'onnsight';
import { steer } from './src/steer';
import { steer as compiled } from './out/steer/steer.js';
async function main() {
  const lm = await LanguageModel.load(${JSON.stringify(join(ROOT, 'models/toy-gpt2'))});
  const live = await steer(lm, { input_ids: [[1, 2]] }, { alpha: 2 });
  console.log(live.logits.data.at(-1)!.toFixed(3), ${show('compiled')}.toFixed(3));
  console.log((await import('onnsight')).LanguageModel === LanguageModel);
}
main();
`,
);

async function node(...args: string[]): Promise<string> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: project,
    env: userEnvironment(),
  });
  return stdout + stderr;
}

const COMPILE = [join(ROOT, 'dist/plugin/cli/main.js'), 'compile', '--model', TOY_MODEL, '--out'];

describe('a CommonJS package', { timeout: 180_000 }, () => {
  let value = '';

  it('compiles interventions, from TypeScript and JavaScript, and tells what chance decided', async () => {
    const output = await node(...COMPILE, 'out', 'src/steer.ts', 'src/plain.js');
    expect(output).toMatch(/steer {2}src\/steer\.ts:4:14 {2}done/);
    expect(output).toMatch(/plain {2}src\/plain\.js:2:\d+ {2}done/);
    expect(output).toMatch(/note: src\/steer\.ts:5:\d+ - Math\.random\(\) is called/);
    expect(output).toMatch(/note: src\/steer\.ts:3:\d+ - Date\.now\(\) is called/);
    expect(output).toMatch(/note: src\/steer\.ts:3:\d+ - crypto\.randomInt\(\) is called/);
    expect(output.match(/is called/g)).toHaveLength(3);
  });

  it('requires and imports what was made, with the same results', async () => {
    const [same, one] = (await node('use.cjs')).trim().split(' ');
    expect(same).toBe('true');
    value = (await node('use.mjs')).trim();
    expect(value).toBe(one);
  });

  it('runs blocks live under the hook, on one copy of the library', async () => {
    const rounded = Number(value).toFixed(3);
    expect(await node('--import', 'onnsight/register', 'use.ts')).toBe(`${rounded} ${rounded}\ntrue\n`);
  });

  it('writes the same from any folder, and removes what is no longer exported', async () => {
    const [main, ...rest] = COMPILE;
    const { stdout } = await promisify(execFile)(process.execPath, [main!, ...rest, '../out', 'steer.ts', '--check'], {
      cwd: join(project, 'src'),
      env: userEnvironment(),
    });
    expect(stdout).toMatch(/steer .* current/);
    // one of another package that writes into the same folder stays
    const manifest = JSON.parse(readFileSync(join(project, 'out/plain/bundle.json'), 'utf8'));
    mkdirSync(join(project, 'out/theirs'));
    const source = { ...manifest.source, file: 'src/theirs.ts' };
    write('out/theirs/bundle.json', JSON.stringify({ ...manifest, name: 'theirs', package: 'theirs', source }));
    write('src/steer.ts', readFileSync(join(project, 'src/steer.ts'), 'utf8').replace('const steer', 'const other'));
    await expect(node(...COMPILE, 'out', 'src/steer.ts', '--check')).rejects.toThrow();
    const output = await node(...COMPILE, 'out', 'src/steer.ts');
    expect(output).toContain('steer  removed: the intervention of src/steer.ts:4:14 is no longer exported.');
    expect(() => readFileSync(join(project, 'out/steer/bundle.json'))).toThrow();
    expect(readFileSync(join(project, 'out/theirs/bundle.json'), 'utf8')).toContain('theirs');
    expect(readFileSync(join(project, 'out/plain/bundle.json'), 'utf8')).toContain('onnsight-bundle');
  });
});
