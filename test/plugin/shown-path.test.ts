import { join } from 'node:path';
import { expect, it } from 'vitest';
import { shownPath } from '../../plugin/shown-path.ts';
import { shownFile } from '../../runtime/tracing/shown-file.ts';

it.each([
  ['/home/me/app/src/a.ts', '/home/me/app', 'src/a.ts'],
  ['/home/me/app/..a.ts', '/home/me/app', '..a.ts'],
  ['/home/me/other/src/a.ts', '/home/me/app', 'src/a.ts'],
])('shows %s from %s as %s', (file, directory, shown) => {
  expect(shownPath(file, directory)).toBe(shown);
});

it.each(['src/a.ts', '..a.ts', '../other/src/a.ts', '/elsewhere/src/a.ts', '.'])(
  '%s is shown as the runtime shows it',
  (path) => {
    const file = path.startsWith('/') ? path : join(process.cwd(), path);
    expect(shownFile(file)).toBe(shownPath(file, process.cwd()));
  },
);
