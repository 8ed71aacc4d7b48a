import { execFile } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { userEnvironment } from '../plugin/project.ts';

/** The folder of the package, where every host starts. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const APP = 'test/hosts/program/app';
const VITE_CONFIG = ['--config', 'test/hosts/program/vite.config.js', '--configLoader', 'native'];

/** The environment of a host: where to build to, and the variables that program/app.ts reads. */
export interface Task {
  /** A folder inside the package. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

type Host = (task: Task) => Promise<void>;

/** Runs Node in the folder of the package; fails with all that was printed if Node does. */
async function node({ environment }: Task, ...args: string[]): Promise<void> {
  const options = { cwd: ROOT, env: { ...userEnvironment(), ...environment } };
  const run = promisify(execFile)(process.execPath, args, options);
  // There is no input: a program that reads lines finds the end at once.
  run.child.stdin?.end();
  await run.catch(({ message, stdout }) => {
    throw new Error(`${message}\n${stdout}`);
  });
}

const tool = (task: Task, file: string, ...args: string[]) => node(task, `${ROOT}node_modules/${file}`, ...args);

/** Runs the built program, beside the models. */
async function built(task: Task): Promise<void> {
  symlinkSync(`${ROOT}models`, `${task.folder}/models`);
  await node(task, '--enable-source-maps', `${task.folder}/${APP}.js`);
}

/** The ways to run TypeScript with blocks, each with the built package as a user has it. */
export const HOSTS: Readonly<Record<string, Host>> = {
  'node --import onnsight/register': (task) => node(task, '--import', 'onnsight/register', `${APP}.ts`),

  'tsx --import onnsight/register': (task) =>
    tool(task, 'tsx/dist/cli.mjs', '--import', 'onnsight/register', `${APP}.ts`),

  tspc: async (task) => {
    await tool(task, 'ts-patch/bin/tspc.js', '-p', 'test/hosts/program', '--outDir', task.folder);
    await built(task);
  },

  'vite build': async (task) => {
    await tool(task, 'vite/bin/vite.js', 'build', ...VITE_CONFIG, '--outDir', task.folder);
    await built(task);
  },

  vitest: (task) => tool(task, 'vitest/vitest.mjs', 'run', ...VITE_CONFIG),
};
