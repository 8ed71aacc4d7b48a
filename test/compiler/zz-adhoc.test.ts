import { expect, it } from 'vitest';
import * as real from '../../runtime/operators/index.ts';
import { operators } from './plain-operators.ts';
import { PROGRAMS } from './programs.ts';
import { randomProgram } from './random-program.ts';
import { lower, outcome, program } from './run.ts';

it('real', async () => {
  Object.assign(operators, real);
  const bad: string[] = [];
  for (const list of Object.values(PROGRAMS)) for (const code of list) {
    const a = await outcome(lower(code)), b = await outcome(code);
    if (a !== b) bad.push(`${code}\n${a}\n${b}`);
  }
  const kinds: Record<string, number> = {};
  for (let seed = 0; seed < 150; seed++) {
    const code = program(randomProgram(seed, false));
    const a = await outcome(lower(code)), b = await outcome(code);
    if (a !== b) bad.push(`${code}\n${a}\n${b}`);
    const kind = /result: '?(\w+.{0,12})/.exec(b)?.[1]!.replace(/\d+/g,'') ?? 'values';
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  console.log(kinds, bad.length, bad.slice(0, 6).join('\n=====\n'));
  expect(bad.length).toBe(0);
}, 100000);
