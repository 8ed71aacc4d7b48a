import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { userEnvironment } from '../plugin/project.ts';
import { ROOT } from './hosts.ts';

/** Inside of the package, so that it finds onnsight as one that is installed. */
const project = mkdtempSync(join(ROOT, 'test/hosts/out-'));
afterAll(() => rmSync(project, { recursive: true, force: true }));

it('runs in a realm that has its own typed arrays, as jest gives every test file', async () => {
  writeFileSync(
    join(project, 'realm.test.ts'),
    `import { runInThisContext } from 'node:vm';
import { LanguageModel, save } from 'onnsight';
import { expect, it } from 'vitest';
it('runs', async () => {
  expect(Float32Array).not.toBe(runInThisContext('Float32Array'));
  const lm = await LanguageModel.load(${JSON.stringify(join(ROOT, 'models/toy-gpt2'))});
  const norm = await lm.trace({ input_ids: new BigInt64Array([1n, 2n]).length === 2 ? [[1, 2]] : [] }, () =>
    save(lm.transformer.h[0].output.norm() * 1),
  );
  expect(norm.data).toBeInstanceOf(Float32Array);
  expect(norm.item()).toBeGreaterThan(0);
});
`,
  );
  writeFileSync(
    join(project, 'vitest.config.js'),
    `import onnsight from 'onnsight/vite';
export default { plugins: [onnsight()], test: { include: ['*.test.ts'], pool: 'vmForks', maxWorkers: 1, testTimeout: 60_000 } };
`,
  );
  const args = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: project, env: userEnvironment() });
  expect(stdout).toMatch(/1 passed/);
});
