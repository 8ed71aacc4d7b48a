import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pages } from './pages.ts';
import { writeReference } from './reference.ts';

/* Makes what the manual's site needs besides its pages: the pictures of its programs, and the reference. */
const docs = fileURLToPath(new URL('..', import.meta.url));
// In the package itself, where programs find onnsight by its name.
const work = mkdtempSync(join(docs, '../.made-'));
const manual = pages().filter(({ name }) => name.startsWith('how-to/'));
for (const { name, program } of manual) {
  const file = join(work, `${name}.ts`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, program);
}
const args = ['--import', 'onnsight/register', join(docs, 'build/run.ts'), ...manual.map(({ name }) => name)];
execFileSync(process.execPath, args, { cwd: work, stdio: 'inherit' });
cpSync(join(work, 'pictures'), join(docs, 'pictures'), { recursive: true });
rmSync(work, { recursive: true });
writeReference(join(docs, 'reference'));
