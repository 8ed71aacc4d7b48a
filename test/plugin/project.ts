import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, '..', '..');
const INSTALLED = join(ROOT, 'node_modules');

/** The output of a child process, colours removed, and its exit code. */
export interface Outcome {
  output: string;
  code: number | null;
}

/** A user's project in a folder of its own, with the built package installed beside a fake runtime. */
export class Project {
  readonly folder: string;

  constructor(name: string, files: Record<string, string> = {}) {
    if (!existsSync(join(ROOT, 'dist/plugin/ts-patch.cjs'))) throw new Error('run `npm run build` before these tests');
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), `onnsight-${name}-`)));
    cpSync(join(HERE, 'projects', name), this.folder, { recursive: true });
    this.write('package.json', JSON.stringify({ type: 'module' }));
    this.install();
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  private install(): void {
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const faked = { '.': './fake/index.js', './operators': './fake/operators.js' };
    const manifest = { name: 'onnsight', version: '0.0.0', type: 'module', exports: { ...exports, ...faked } };
    this.write('node_modules/onnsight/package.json', JSON.stringify(manifest));
    cpSync(join(HERE, 'fake-onnsight'), join(this.folder, 'node_modules/onnsight/fake'), { recursive: true });
    symlinkSync(join(ROOT, 'dist'), join(this.folder, 'node_modules/onnsight/dist'));
    for (const tool of ['typescript', 'vite', 'vitest']) {
      symlinkSync(realpathSync(join(INSTALLED, tool)), join(this.folder, 'node_modules', tool));
    }
  }

  /** Writes `text` to `path` inside the project. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** The text of `path` inside the project. */
  read(path: string): string {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  /** The place of the first `text` in `path`, as stacks write it: `path:line:column`. */
  place(text: string, path = 'src/app.ts'): string {
    const before = this.read(path).split(text, 1)[0]!.split('\n');
    return `${path}:${before.length}:${before.at(-1)!.length + 1}`;
  }

  /** Whether the project has a file at `path`. */
  has(path: string): boolean {
    return existsSync(join(this.folder, path));
  }

  /** Runs Node with `args` in the project's folder. */
  node(...args: string[]): Promise<Outcome> {
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: userEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a colour starts with one
      child.on('close', (code) => resolve({ output: output.replace(/\u001b\[[\d;]*m/g, ''), code }));
    });
  }

  /** Runs an installed command-line tool, named by its file inside node_modules, under Node. */
  tool(path: string, ...args: string[]): Promise<Outcome> {
    return this.node(join(INSTALLED, path), ...args);
  }
}

/** Lets the package in `folder` find this one as it finds one that is installed. */
export function linkOnnsight(folder: string): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(ROOT, join(folder, 'node_modules/onnsight'));
}

/** The environment without the variables of the test runner, which would confuse a vitest inside a vitest. */
export function userEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_OPTIONS|NODE_ENV|TEST$|DEV$|PROD$|SSR$|MODE$)/.test(name),
  );
  const kept = process.env.ONNSIGHT_CACHE ?? join(tmpdir(), 'onnsight-tests');
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', CI: '1', ONNSIGHT_CACHE: kept };
}
