import { expect, it } from 'vitest';
import { shownPath } from '../../plugin/shown-path.ts';

it.each([
  ['/home/me/app/src/a.ts', '/home/me/app', 'src/a.ts'],
  ['/home/me/app/..a.ts', '/home/me/app', '..a.ts'],
  ['/home/me/other/src/a.ts', '/home/me/app', 'src/a.ts'],
])('shows %s from %s as %s', (file, directory, shown) => {
  expect(shownPath(file, directory)).toBe(shown);
});
