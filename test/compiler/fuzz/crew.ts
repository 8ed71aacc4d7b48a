import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Which } from './one.ts';
import type { Told } from './tally.ts';
import type { Answer, Task } from './worker.ts';

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
/** Milliseconds after which a process that says nothing hangs, even on a machine that does much else. */
const PATIENCE = 180_000;
/** Programs that one process runs. */
const SHARE = 500;

/** Runs programs in some processes at a time; `told` is called for each. */
export async function runAll(programs: Iterable<Which>, processes: number, told: (one: Told) => void): Promise<void> {
  const source = programs[Symbol.iterator]();
  const share = (): Which[] => {
    const run: Which[] = [];
    for (let next = source.next(); !next.done; next = source.next()) if (run.push(next.value) === SHARE) break;
    return run;
  };
  const work = async (): Promise<void> => {
    for (let run = share(); run.length > 0; run = share()) {
      for (let done = 0; done < run.length; ) {
        const failure = await ask({ run: run.slice(done) }, (answer) => {
          if ('seed' in answer) told(answer);
          return ++done === run.length;
        });
        // The program after the last that was told of.
        if (failure !== null) told({ ...run[done++]!, kind: 'broken', reason: failure, drawn: [] });
      }
    }
  };
  await Promise.all(Array.from({ length: processes }, work));
}

/** The smallest program that fails as a given one does. */
export async function makeSmall(which: Which): Promise<string> {
  let small = '';
  const failure = await ask({ shrink: which }, (answer) => {
    if ('small' in answer) small = answer.small;
    return true;
  });
  return failure === null ? small : `// ${which.construct ?? 'seed'} ${which.seed}: ${failure}`;
}

/** Gives a new process a task until `take` has all that it wants: null, or how the process failed. */
function ask(task: Task, take: (answer: Answer) => boolean): Promise<string | null> {
  const child = fork(WORKER, { execArgv: ['--import', 'tsx'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
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
