import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Told } from './tally.ts';
import type { Answer, Task } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
/** Milliseconds after which a process that says nothing hangs. */
const PATIENCE = 60_000;
const SHARE = 500;

/** Runs the programs of the seeds from `from` to `to` in some processes; `told` is called for each. */
export async function runAll(from: number, to: number, processes: number, told: (one: Told) => void): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) {
      let seed = next;
      next = Math.min(seed + SHARE, to);
      for (const end = next; seed < end; seed++) {
        const failure = await ask({ from: seed, to: end }, (answer) => {
          if (!('seed' in answer)) return false;
          told(answer);
          seed = answer.seed;
          return seed === end - 1;
        });
        // The program after the last that was told of.
        if (failure !== null) told({ seed: ++seed, kind: 'broken', reason: failure, drawn: [] });
      }
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
}

/** The smallest program that fails as that of a seed does. */
export async function makeSmall(seed: number): Promise<string> {
  let small = '';
  const failure = await ask({ shrink: seed }, (answer) => {
    if ('small' in answer) small = answer.small;
    return true;
  });
  return failure === null ? small : `// seed ${seed}: ${failure}`;
}

/** Gives a new process a task until `take` has all that it wants: null, or how the process failed. */
function ask(task: Task, take: (answer: Answer) => boolean): Promise<string | null> {
  const child: ChildProcess = fork(WORKER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return new Promise((resolve) => {
    const end = (failure: string | null): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve(failure);
    };
    const timer = setTimeout(() => end('it does not end'), PATIENCE);
    child.on('message', (answer: Answer) => {
      timer.refresh();
      if (take(answer)) end(null);
    });
    child.on('exit', (code, signal) => end(`it ends the process (${signal ?? code})`));
    child.send(task);
  });
}
