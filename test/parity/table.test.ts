import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const table = readFileSync(`${root}/PARITY.md`, 'utf8');
const rows = table
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (---|nnsight|behaviour|program)/.test(line));
const links = (text: string) => [...text.matchAll(/\]\((test\/[^)]+)\)/g)].map(([, path]) => path!);

it('PARITY.md has a test for every tick and a tick for every test', () => {
  expect(rows.length).toBeGreaterThan(50);
  for (const row of rows) {
    expect(links(row).length > 0, row).toBe(row.includes('✓'));
    for (const path of links(row)) expect(existsSync(`${root}/${path}`), path).toBe(true);
  }
});

it('every test of this folder has a row', () => {
  const files = readdirSync(`${root}/test/parity`).filter(
    (name) => name.endsWith('.test.ts') && name !== 'table.test.ts',
  );
  const linked = new Set(links(table));
  expect(files.filter((name) => !linked.has(`test/parity/${name}`))).toEqual([]);
});
