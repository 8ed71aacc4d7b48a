/**
 * `npm run test:hosts`: tools that people compile TypeScript with, installed from npm beside the packed package, compile
 * the same program, each in a folder of its own. It needs the registry, so that it is no part of `npm test`. With a name,
 * rows of that name alone; `--short` leaves out the nightly ones.
 */
import { exec } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environmentOf, installInto, projectOf } from './install.ts';
import type { Row } from './row.ts';
import { ROWS } from './rows/index.ts';
import { WATCHERS } from './rows/watchers.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean' } } });
const [wanted = ''] = positionals;
const rows = ROWS.filter(({ name, nightly }) => name.includes(wanted) && !(values.short && nightly));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'onnsight-matrix-')));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** What was printed where it is not what the row expects. */
async function run(row: Row): Promise<string | null> {
  const project = await projectOf(row, folder);
  const environment = environmentOf(row, project, folder);
  const breaks = join(project, 'breaks.txt');
  for (const [index, command] of row.commands.entries()) {
    const isLast = index === row.commands.length - 1;
    const debugged = { NODE_OPTIONS: `--require ${join(folder, 'breakpoint.cjs')}`, BREAKS: breaks };
    const env = { ...environment, ...(isLast && debugged) };
    const { output, code } = await printedBy(command, { cwd: project, env, encoding: 'utf8', timeout: 300_000 });
    if (!isLast && code === 0) continue;
    const all = existsSync(breaks) ? output + readFileSync(breaks, 'utf8') : output;
    return row.expects.every((text) => all.includes(text)) ? null : all;
  }
  return 'no command ran';
}

function printedBy(command: string, options: object): Promise<{ output: string; code: number }> {
  return new Promise((resolve) => {
    exec(command, options, (error, stdout, stderr) =>
      resolve({ output: `${stdout}${stderr}`, code: error ? (error.code ?? 1) : 0 }),
    );
  });
}

await installInto(folder, rows);
let failures = 0;
const waiting = rows.values();
async function runAll(): Promise<void> {
  for (const row of waiting) {
    const start = performance.now();
    let failure = await run(row).catch(String);
    // Watchers hear of files by the clock, which a busy machine puts off.
    if (failure !== null && WATCHERS.includes(row)) {
      console.log(`again  ${row.name}\n${failure}`);
      failure = await run(row).catch(String);
    }
    if (failure !== null) failures++;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${failure === null ? 'ok    ' : 'failed'} ${row.name}, ${seconds} s${failure === null ? '' : `\n${failure}`}`,
    );
  }
}
// Watchers wait more than they compute.
await Promise.all(Array.from({ length: availableParallelism() + 2 }, runAll));
console.log(`${rows.length - failures} of ${rows.length} rows`);
process.exitCode = failures === 0 && rows.length > 0 ? 0 : 1;
