import { Worker } from 'node:worker_threads';

/** How often it is looked, in milliseconds. */
const LOOKS = 500;

/**
 * Ends this process when the one that started it is gone. A thread of its own sees it: a run may hold this one for as long
 * as it takes, where nothing tells it of the end.
 */
export function endWithParent(): void {
  const watch = `
    const { ppid } = process;
    setInterval(() => process.ppid === ppid || process.kill(process.pid, 'SIGKILL'), ${LOOKS});
  `;
  new Worker(watch, { eval: true, execArgv: [] }).unref();
}
