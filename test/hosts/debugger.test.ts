import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { rewrite } from '../../plugin/rewrite.ts';
import { transpile } from '../../plugin/transpile.ts';
import { linkOnnsight } from '../plugin/project.ts';
import { stepInto } from './debugger.ts';

const PROGRAM = `import 'onnsight';

function scale(x: number, by: number, strong: boolean): number {
  'use trace';
  const twice = x * by;
  if (strong) {
    const inner = twice + 1;
    for (const one of [1, 9]) {
      if (one > inner) return one;
    }
  } else {
    return 3;
  }
  return twice;
}
console.log(scale(2, 3, true));
`;

/** A call in each construct whose body compiling makes a closure of. */
const STACKS = `import 'onnsight';
const stacks: string[] = [];
function here(): boolean {
  stacks.push(new Error().stack!.split('\\n').find((line) => /main.mjs/.test(line) && !/ here /.test(line))!.trim());
  return true;
}
function walk(n: number): number {
  'use trace';
  let r = 0;
  if (n > 1) {
    r = 1;
    here();
  }
  while (r < 3) {
    r++;
    here();
  }
  for (const one of [1, 2]) {
    r += one;
    here();
  }
  switch (n) {
    case 2:
      r = 4;
      here();
  }
  const both = n > 1 && here();
  return both ? r : 0;
}
walk(2);
console.log(stacks.join('\\n'));
`;

it('closures that compiling made have no names in stacks', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-stacks-')));
  linkOnnsight(folder);
  const file = join(folder, 'main.ts');
  const main = join(folder, 'main.mjs');
  writeFileSync(main, transpile(rewrite(STACKS, file)!, STACKS, file, 'module').code);
  const printed = execFileSync(process.execPath, [main], { encoding: 'utf8' }).trim().split('\n');
  rmSync(folder, { recursive: true });
  expect(printed).toHaveLength(7);
  for (const line of printed) expect(line).toMatch(/^at (?:file:\/\/)?\/.*main\.mjs:\d+:\d+$/);
});

it('Step Into stays on the lines of the user, where the locals have their names', async () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-debugger-')));
  linkOnnsight(folder);
  const file = join(folder, 'main.ts');
  writeFileSync(join(folder, 'main.mjs'), transpile(rewrite(PROGRAM, file)!, PROGRAM, file, 'module').code);
  const stops = await stepInto(join(folder, 'main.mjs'), 16);
  rmSync(folder, { recursive: true });
  // in the order in which plain JavaScript runs them
  const lines = stops.map(({ line }) => line).filter((line, i, all) => line !== all[i - 1]);
  expect(lines.join()).toContain('16,5,6,7,9,');
  expect(lines).not.toContain(12);
  const namesAt = (line: number) => stops.filter((stop) => stop.line === line).flatMap(({ names }) => names);
  expect(namesAt(5)).toEqual(expect.arrayContaining(['x', 'by', 'strong', 'twice']));
  expect(namesAt(7)).toContain('inner');
  expect(namesAt(9)).toEqual(expect.arrayContaining(['one', 'inner']));
});
