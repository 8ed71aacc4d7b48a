import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ROOT } from '../hosts.ts';
import type { Row } from './row.ts';

/** Packs the package, and installs it into `folder` beside all that the rows need. */
export async function installInto(folder: string, rows: readonly Row[]): Promise<void> {
  execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT, stdio: 'pipe' });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
  await npmInstall(folder, [`./${tarball}`, '@types/node@20', ...new Set(rows.flatMap(({ packages }) => packages))]);
  const breakpoint = fileURLToPath(new URL('breakpoint.cjs', import.meta.url));
  cpSync(breakpoint, join(folder, 'breakpoint.cjs'));
}

/** A folder for the row below `folder`, with its files and a model. */
export async function projectOf(row: Row, folder: string): Promise<string> {
  const project = join(folder, row.name.replaceAll(/\W+/g, '-'));
  for (const [path, text] of Object.entries(row.files)) {
    mkdirSync(dirname(join(project, path)), { recursive: true });
    writeFileSync(join(project, path), text);
  }
  cpSync(join(ROOT, 'models/toy-gpt2'), join(project, 'toy-gpt2'), { recursive: true });
  if (row.own) await npmInstall(project, row.own);
  return project;
}

/** The environment of a row's commands: its own tools before those of all rows, and its Node before any other. */
export function environmentOf({ node }: Row, project: string, folder: string): NodeJS.ProcessEnv {
  const bins = [
    node === undefined ? dirname(process.execPath) : join(folder, `node_modules/node${node}/bin`),
    join(project, 'node_modules/.bin'),
    join(folder, 'node_modules/.bin'),
  ];
  return { ...ENVIRONMENT, PATH: [...bins, process.env.PATH].join(delimiter) };
}

/** Without the variables of a test runner; the library's own binaries for CUDA are not downloaded. */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  ...process.env,
  ONNXRUNTIME_NODE_INSTALL: 'skip',
  NO_COLOR: '1',
};

/** Versions that came out later were not tried: what they break is found when this day is set anew, not by chance. */
const BEFORE = '2026-11-29';

async function npmInstall(folder: string, packages: readonly string[]): Promise<void> {
  const options = [
    `--before=${BEFORE}`,
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--prefix',
    folder,
  ];
  await promisify(execFile)('npm', ['install', ...options, ...packages], { cwd: folder, env: ENVIRONMENT });
}
