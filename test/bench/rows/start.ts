import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { readmeProgram } from '../../hosts/programs.ts';
import { inTurns, median, spread, time } from '../measure.ts';
import type { Line, Row } from '../row.ts';

const BENCH = fileURLToPath(new URL('..', import.meta.url));
const HOOK = ['--import', 'onnsight/register'];

/** What it takes to start: an import, the hook that compiles blocks, and README's first program, each a process of its own. */
export const start: Row = async ({ quick }) => {
  const folder = mkdtempSync(join(BENCH, 'out-'));
  const node = (words: readonly string[], cache = 'kept') =>
    time(() =>
      promisify(execFile)(process.execPath, words, {
        cwd: folder,
        env: { ...process.env, ONNSIGHT_CACHE: join(folder, cache) },
      }),
    );
  const effort = quick ? { least: 2, most: 3, milliseconds: 5000 } : { least: 7, most: 15, milliseconds: 30_000 };
  const added = async (what: string, bar: number, ours: readonly string[], plain: readonly string[]): Promise<Line> => {
    const turns = await inTurns(
      () => node(ours),
      () => node(plain),
      effort,
    );
    const note = `${median(turns.ours).toFixed(0)} ms, without ${median(turns.plain).toFixed(0)} ms`;
    return { what, result: spread(turns.ours.map((ms, i) => ms - turns.plain[i]!)), unit: 'ms', bar, note };
  };
  try {
    writeFileSync(join(folder, 'bare.mjs'), '');
    writeFileSync(join(folder, 'import.mjs'), "import 'onnsight';\n");
    writeFileSync(join(folder, 'plain.ts'), 'export {};\n');
    writeFileSync(join(folder, 'import.ts'), "import 'onnsight';\n");
    writeFileSync(join(folder, 'first.ts'), readmeProgram().text);
    await node([...HOOK, 'import.ts']);
    const lines = [
      await added("import 'onnsight' adds to bare Node", 200, ['import.mjs'], ['bare.mjs']),
      await added('the same under the hook, to tsx', 300, [...HOOK, 'import.ts'], ['--import', 'tsx', 'plain.ts']),
    ];
    let turn = 0;
    const program = [...HOOK, 'first.ts'];
    const firsts = await inTurns(
      () => node(program, `new-${turn++}`),
      () => node(program),
      effort,
    );
    // in the first turn the program may not have been compiled for those that follow
    const later = firsts.plain.slice(1);
    lines.push(
      { what: "README's first program, the first time", result: spread(firsts.ours), unit: 'ms', bar: 1200 },
      { what: "README's first program, from then on", result: spread(later), unit: 'ms', bar: 900 },
    );
    return lines;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
