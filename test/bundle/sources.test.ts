import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';
import { linkOnnsight, userEnvironment } from '../plugin/project.ts';
import { TOY_MODEL } from './support/build.ts';

const MADE =
  "intervention({ alpha: 'float32' }, (m, { alpha }) => ({ l: save(m.lm_head.output['0, -1, 0:3'] * alpha) }))";
const TYPED = MADE.replace('(m,', '(m: LanguageModel,');
const IMPORT = "import { intervention, save } from 'onnsight';\n";
const TYPES = "import { intervention, type LanguageModel, save } from 'onnsight';\n";
const REQUIRE = "const { intervention, save } = require('onnsight');\n";

/** The ways in which a file says what it exports, by the name of the file and that of the bundle. */
const FILES: Record<string, readonly [bundle: string, text: string]> = {
  'a.mts': ['mts', `${TYPES}export const mts = ${TYPED};\n`],
  'b.cts': ['cts', `${TYPES}export const cts = ${TYPED};\n`],
  'c.cjs': ['cjs', `${REQUIRE}exports.cjs = ${MADE};\n`],
  'd.mjs': ['mjs', `${IMPORT}export const mjs = ${MADE};\n`],
  'e.cjs': ['inObject', `${REQUIRE}module.exports = { inObject: ${MADE}, other: 1 };\n`],
  'f.cjs': ['named', `${REQUIRE}const named = ${MADE};\nmodule.exports = { named };\n`],
  'whole.cjs': ['whole', `${REQUIRE}module.exports = ${MADE};\n`],
  'g.cts': [
    'ofObject',
    `import o = require('onnsight');\nconst { save } = o;\nexport = { ofObject: o.${MADE.replace('(m,', '(m: any,')} };\n`,
  ],
  'h.tsx': ['tsx', `${TYPES}export const tsx = ${TYPED};\n`],
  'usual.ts': ['usual', `${TYPES}export default ${TYPED};\n`],
  'i.js': ['js', ''],
};

let expected: string;
beforeAll(async () => {
  const session = await InferenceSession.create(TOY_MODEL);
  const feeds: Record<string, Tensor> = {};
  for (const { name } of session.inputMetadata) {
    if (name.startsWith('past')) feeds[name] = new Tensor('float32', [], [1, 4, 0, 32]);
    else
      feeds[name] = new Tensor(
        'int64',
        name === 'attention_mask' ? [1n, 1n] : name === 'position_ids' ? [0n, 1n] : [1n, 2n],
        [1, 2],
      );
  }
  const { data } = (await session.run(feeds)).logits as Tensor;
  const last = (data as Float32Array).slice(189, 192);
  expected = [...last].map((one) => (one * 2).toFixed(3)).join();
});

describe.each(['commonjs', 'module'])('in a package of type %s', (type) => {
  const project = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-sources-')));
  afterAll(() => rmSync(project, { recursive: true, force: true }));
  linkOnnsight(project);
  mkdirSync(join(project, 'src'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'mine', version: '1.0.0', type }));
  for (const [file, [, text]] of Object.entries(FILES)) writeFileSync(join(project, 'src', file), text);
  const js = type === 'module' ? `${IMPORT}export const js = ${MADE};\n` : `${REQUIRE}exports.js = ${MADE};\n`;
  writeFileSync(join(project, 'src/i.js'), js);
  const names = Object.values(FILES).map(([name]) => name);
  writeFileSync(
    join(project, 'use.cjs'),
    `(async () => {
  for (const name of ${JSON.stringify(names)}) {
    const { [name]: required } = require(\`./out/\${name}/\${name}.js\`);
    const { l } = await required({ input_ids: [[1, 2]], alpha: 2 });
    console.log(name, [...l.data].map((one) => one.toFixed(3)).join());
  }
})();
`,
  );
  const node = (...args: string[]) =>
    execFileSync(process.execPath, args, { cwd: project, env: userEnvironment(), encoding: 'utf8' });

  it('interventions are found in every kind of file, and their bundles give what plain ONNX Runtime gives', () => {
    const main = join(ROOT, 'dist/plugin/cli/main.js');
    node(main, 'compile', 'src/*', '--model', TOY_MODEL, '--out', 'out');
    expect(node('use.cjs')).toBe(names.map((name) => `${name} ${expected}\n`).join(''));
  });
});
