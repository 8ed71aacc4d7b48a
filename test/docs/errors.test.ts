import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { REFUSALS } from '../../compiler/diagnostics.ts';
import * as bundle from '../../runtime/bundle/node.ts';
import * as onnsight from '../../runtime/index.ts';

const rows = [
  ...readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8').matchAll(
    /^\| (ONN\d+) \| (.*?) \| (.*) \|$/gm,
  ),
].map(([, ...cells]) => cells);

it('the table of the compiler is that of the manual', () => {
  expect(rows.filter(([code]) => code!.startsWith('ONN1'))).toEqual(Object.values(REFUSALS).map((one) => [...one]));
});

it('each class of errors has the code that the manual gives it', () => {
  const classes = Object.entries({ ...onnsight, ...bundle }).filter(([name]) => /\wError$/.test(name));
  const codes = classes.map(([name, one]) => [
    Reflect.get((one as { prototype: object }).prototype, 'code'),
    `\`${name}\``,
  ]);
  const written = rows.filter(([code]) => code!.startsWith('ONN2')).map(([code, name]) => [code, name]);
  expect(codes.sort()).toEqual(written);
});
