import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** How much memory a process has; 0 once it has ended. */
export async function residentBytes(pid: number): Promise<number> {
  if (process.platform !== 'linux') return kilobytes(await fromPs(pid));
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return kilobytes(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? '');
}

function kilobytes(text: string): number {
  return 1024 * Number(text);
}

async function fromPs(pid: number): Promise<string> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.trim();
}
