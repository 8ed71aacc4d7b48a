/*
 * `node watch.mjs [--runs FILE] COMMAND`: starts a tool that watches, edits the block five times as somebody does who works
 * on it, and says after each edit what came of it: what the tool prints, or what the file prints that it has built.
 */
import { exec, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';

const [, , ...given] = process.argv;
const built = given[0] === '--runs' ? given.splice(0, 2)[1] : null;
// where the block is: a component has it itself
const STEER = ['src/app.vue', 'src/app.svelte', 'src/steer.ts'].find(existsSync);
const original = readFileSync(STEER, 'utf8');
const extension = /from '.\/steer(.*)'/.exec(readFileSync('src/main.ts', 'utf8'))?.[1] ?? '.ts';
const SAVED = 'save(layer.output.norm())';
const helper = (name, by) =>
  `export function ${name}(x: number): number {\n  'use trace';\n  return x > 0 ? x * ${by} : x;\n}\n`;
const calling = (name) =>
  original
    .replace('import', `import { ${name} } from './${name}${extension}';\nimport`)
    .replace(SAVED, `save(${name}(layer.output.norm()))`);

/** What is written, and what is to come of it. */
const EDITS = [
  ['nothing', {}, 'steered 67.617'],
  ['a block', { [STEER]: original.replace(SAVED, 'save(layer.output.norm() * 2)') }, 'steered 135.23'],
  ['an error in it', { [STEER]: original.replace(SAVED, "eval('1')") }, 'ONN1'],
  ['its mending', { [STEER]: original }, 'steered 67.617'],
  ['a new file with a helper', { 'src/times.ts': helper('times', 4), [STEER]: calling('times') }, 'steered 270.4'],
  ['the helper', { 'src/times.ts': helper('times', 8) }, 'steered 540.9'],
];

// the breakpoint of other rows is no part of this
delete process.env.NODE_OPTIONS;
const child = spawn(given[0], { shell: true, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
let printed = '';
for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (printed += data));

/** When the newest file was built. */
function changedAt() {
  if (!built || !existsSync(dirname(built))) return 0;
  return Math.max(0, ...readdirSync(dirname(built)).map((name) => statSync(join(dirname(built), name)).mtimeMs));
}

/** Waits until the tool, or what it has built, prints `text`; says whether it did. */
async function prints(text) {
  let seen = 0;
  for (const end = Date.now() + 120_000; Date.now() < end && child.exitCode === null; await setTimeout(100)) {
    if (printed.includes(text)) return true;
    if (changedAt() === seen) continue;
    seen = changedAt();
    // it may be written just now
    const { stdout } = await promisify(exec)(`node ${built}`).catch(() => ({ stdout: '' }));
    if (stdout.includes(text)) return true;
    if (changedAt() === seen) await setTimeout(500);
  }
  return false;
}

let good = 0;
for (const [name, files, text] of EDITS) {
  printed = '';
  for (const [path, content] of Object.entries(files)) writeFileSync(path, content);
  if (!(await prints(text))) {
    console.log(`after ${name}: no ${text} but\n${printed}`);
    break;
  }
  good++;
  // tools say that they watch, and begin to
  await setTimeout(1000);
}
console.log(`${good} of ${EDITS.length} edits`);
process.kill(-child.pid);
