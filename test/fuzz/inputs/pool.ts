import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Kind, Told, Verdict } from './case.ts';

/** How long a case may take. The time that a machine is busy with others counts, so that it is more than twenty seconds. */
const PATIENCE = 60_000;

/** How much more memory a case may take: ten times the largest file, and the memory that any session takes. */
const ROOM = 400 * 2 ** 20;

export interface Tried extends Omit<Told, 'verdict'> {
  readonly seed: number;
  /** `engine`: plain ONNX Runtime ends the process. */
  readonly verdict: Verdict | 'engine';
}

type Answer = Told & { readonly grown: number };
type Said = 'ready' | { readonly isPlain: boolean } | Answer;

/** Runs cases in a process of their own, which is started anew where one ends it. */
export class Pool {
  private child: ChildProcess | null = null;

  async run(kind: Kind, seed: number): Promise<Tried> {
    const child = this.child ?? (await start());
    this.child = child;
    let isPlain = false;
    return new Promise((resolve) => {
      const end = (verdict: Tried['verdict'], why: string, isOver: boolean) => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (isOver) {
          this.child = null;
          child.kill('SIGKILL');
        }
        resolve({ seed, verdict, why });
      };
      const timer = setTimeout(() => end(isPlain ? 'engine' : 'broken', 'it does not end', true), PATIENCE);
      child.on('message', (said: Said) => {
        if (said === 'ready') return;
        if ('isPlain' in said) isPlain = said.isPlain;
        else if (said.grown > ROOM) end('broken', `it takes ${Math.round(said.grown / 2 ** 20)} MiB`, true);
        else end(said.verdict, said.why, false);
      });
      child.on('exit', (code, signal) =>
        end(isPlain ? 'engine' : 'broken', `it ends the process: ${signal ?? code}`, true),
      );
      child.send([kind, seed]);
    });
  }

  end(): void {
    this.child?.removeAllListeners();
    this.child?.kill();
  }
}

function start(): Promise<ChildProcess> {
  const file = fileURLToPath(new URL('./child.ts', import.meta.url));
  const child = fork(file, [], { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`The process of the cases has ended: ${code}`)));
  });
}
