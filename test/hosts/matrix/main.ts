/**
 * `npm run test:hosts`: tools that people compile TypeScript with, each installed from npm into a folder of its own beside
 * the packed package, compile the same program. It needs the registry and takes minutes, so it is no part of the tests.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from '../hosts.ts';
import { COVERAGE } from './coverage.ts';
import { ROWS, type Row } from './rows.ts';
import { TYPESCRIPT_ESLINT } from './typescript-eslint.ts';

const wanted = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), 'onnsight-matrix-'));
execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, stdio: 'pipe' });
const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;

function run(row: Row): string | null {
  const project = join(folder, row.name.replaceAll(/\W+/g, '-'));
  for (const [path, text] of Object.entries(row.files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  cpSync(join(ROOT, 'models/toy-gpt2'), join(project, 'toy-gpt2'), { recursive: true });
  const environment = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', NO_COLOR: '1' };
  const packages = [join('..', tarball), '@types/node@20', ...row.packages];
  execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...packages], {
    cwd: project,
    env: environment,
    stdio: 'pipe',
  });
  for (const command of row.commands) {
    const { stdout, stderr, status } = spawnSync(command, {
      cwd: project,
      env: environment,
      shell: true,
      encoding: 'utf8',
    });
    const output = stdout + stderr;
    if (command !== row.commands.at(-1) && status === 0) continue;
    return row.expects.every((text) => output.includes(text)) ? null : output;
  }
  return 'no command ran';
}

let failures = 0;
for (const row of [...ROWS, ...COVERAGE, TYPESCRIPT_ESLINT].filter(
  ({ name }) => wanted === undefined || name.includes(wanted),
)) {
  const failure = run(row);
  if (failure !== null) failures++;
  console.log(`${failure === null ? 'ok    ' : 'failed'} ${row.name}${failure === null ? '' : `\n${failure}`}`);
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = failures === 0 ? 0 : 1;
