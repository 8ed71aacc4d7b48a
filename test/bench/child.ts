import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench, Line } from './row.ts';
import type { RowMessage } from './run-row.ts';

const PROGRAM = fileURLToPath(new URL('run-row.ts', import.meta.url));

/** Measures a row in a process of its own, so that rows share no memory and one that dies takes no other with it. */
export function runRow(name: string, bench: Bench, limit: number): Promise<readonly Line[]> {
  const execArgv = [...process.execArgv, '--expose-gc'];
  const child = fork(PROGRAM, [name, JSON.stringify(bench)], { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let printed = '';
  child.stderr!.on('data', (text) => {
    printed += text;
  });
  return new Promise((resolve) => {
    const fail = (reason: string) => resolve([{ what: name, result: { failed: reason }, unit: '×', bar: null }]);
    const timer = setTimeout(() => {
      fail(`not done after ${limit / 1000} s`);
      child.kill('SIGKILL');
    }, limit);
    child.on('message', (message: RowMessage) => {
      if ('lines' in message) resolve(message.lines);
      else fail(message.error);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0) process.stderr.write(printed);
      fail(`the process ended with ${signal ?? code}`);
    });
  });
}
