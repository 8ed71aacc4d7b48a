import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/plugin/cli/main.js', import.meta.url));

/** Whether this machine has a Redis to start. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis of its own, a server and workers: real processes, which a test kills and starts again. */
export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'onnsight-fleet-'));
  readonly workers: ChildProcess[] = [];
  readonly #models: readonly string[];
  readonly #limits: readonly string[];
  #redisPort = 0;
  #port = 0;
  #redis: ChildProcess | null = null;
  #front: ChildProcess | null = null;

  constructor(models: readonly string[], limits: readonly string[]) {
    this.#models = models;
    this.#limits = limits;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get redisUrl(): string {
    return `redis://127.0.0.1:${this.#redisPort}`;
  }

  async start(workers: number): Promise<this> {
    [this.#redisPort, this.#port] = [await freePort(), await freePort()];
    await this.startRedis();
    await this.startFront();
    await Promise.all(Array.from({ length: workers }, () => this.startWorker()));
    return this;
  }

  async startRedis(): Promise<void> {
    const args = ['--port', `${this.#redisPort}`, '--dir', this.folder, '--appendonly', 'yes', '--save', ''];
    this.#redis = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await printed(this.#redis, /Ready to accept connections/);
  }

  async startFront(): Promise<void> {
    const args = ['--port', `${this.#port}`, '--quiet'];
    this.#front = this.#onnsight('serve', args);
    await printed(this.#front, /^http\S+ serves /m);
  }

  async startWorker(): Promise<ChildProcess> {
    const worker = this.#onnsight('worker', []);
    this.workers.push(worker);
    await printed(worker, /^works on /m);
    return worker;
  }

  async killRedis(): Promise<void> {
    await killed(this.#redis!);
  }

  async killFront(): Promise<void> {
    await killed(this.#front!);
  }

  /** Gives the processes of its models. */
  async killWorker(): Promise<number[]> {
    const worker = this.workers.shift()!;
    const models = childrenOf(worker.pid!);
    await killed(worker);
    return models;
  }

  async end(): Promise<void> {
    await Promise.all([...this.workers, this.#front, this.#redis].map((one) => one && killed(one)));
    rmSync(this.folder, { recursive: true });
  }

  #onnsight(command: string, args: readonly string[]): ChildProcess {
    const own = ['--redis', this.redisUrl, '--store', join(this.folder, 'store'), '--limit', ...this.#limits];
    return onnsight([command, ...this.#models, ...args, ...own]);
  }
}

/** The command line, as an operator starts it. */
export function onnsight(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function childrenOf(pid: number): number[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return processes.map(Number).filter((one) => parentOf(one) === pid);
}

function parentOf(pid: number): number | null {
  try {
    return Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return null;
  }
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Waits until a process prints what is asked for. */
export function printed(child: ChildProcess, wanted: RegExp): Promise<RegExpExecArray> {
  let text = '';
  return new Promise((resolve, reject) => {
    child.stdout!.setEncoding('utf8').on('data', (more: string) => {
      text += more;
      const found = wanted.exec(text);
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Error(`It has ended (${code}): ${text}`)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
