import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { ROOT } from '../hosts/hosts.ts';

/** The files of the package. */
const packed: readonly string[] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT, encoding: 'utf8' }),
)[0].files.map(({ path }: { path: string }) => path);
const pages = packed.filter((path) => path.endsWith('.md'));

/** The places in a page that lead to other files of it; programs are left out. */
const linksOf = (page: string) =>
  [
    ...readFileSync(ROOT + page, 'utf8')
      .replace(/^```.*?^```|`[^`]*`/gms, '')
      .matchAll(/\]\(([^)\s]+)\)/g),
  ]
    .map(([, target]) => target!.split('#')[0]!)
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));

it('the packed README and manual lead to files of the package only', () => {
  const links = pages.flatMap((page) => linksOf(page).map((target) => [page, normalize(`${dirname(page)}/${target}`)]));
  expect(links.length).toBeGreaterThan(80);
  const isThere = (path: string) => packed.some((file) => file === path || file.startsWith(`${path}/`));
  expect(links.filter(([, path]) => !isThere(path!))).toEqual([]);
});
