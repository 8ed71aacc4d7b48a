/*
 * npm run bench [-- --quick] [--row name] [--json file]
 *
 * Measures what interventions cost against plain ONNX Runtime in the same run: the bars are those of a GPT-2 small on
 * two cores. --quick takes a small model, where what does not grow with the model weighs more.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runRow } from './child.ts';
import { gpt2Model } from './model/gpt2-model.ts';
import { SMALL, TINY } from './model/sizes.ts';
import type { Bench, Line } from './row.ts';
import { rows } from './rows/index.ts';
import { table, verdict } from './table.ts';

const { quick, json, row } = options();
const sizes = quick ? TINY : SMALL;
console.error('Making the model, or finding it in the cache …');
const bench: Bench = {
  model: gpt2Model(sizes),
  quick,
  effort: quick
    ? { least: 2, most: 6, milliseconds: 400, moment: 40 }
    : { least: 5, most: 40, milliseconds: 12_000, moment: 400 },
};

const lines: Line[] = [];
for (const name of row) {
  console.error(`Measuring ${name} …`);
  lines.push(...(await runRow(name, bench, quick ? 60_000 : 300_000)));
}

const machine = `${cpus()[0]!.model.trim()}, ${availableParallelism()} cores, Node ${process.version}`;
console.log(`\n${sizes.layers} layers, ${sizes.width} wide; ${machine}; in brackets the middle half of the turns\n`);
console.log(table(lines));
if (json) {
  const measured = lines.map((line) => ({ ...line, verdict: verdict(line) }));
  // npm starts scripts in the package's folder, and says where the user stands.
  writeFileSync(
    resolve(process.env.INIT_CWD ?? '.', json),
    `${JSON.stringify({ machine, sizes, lines: measured }, null, 2)}\n`,
  );
}
if (lines.some(({ result }) => 'failed' in result)) process.exitCode = 1;

function options() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      row: { type: 'string', multiple: true, default: Object.keys(rows) },
    },
  });
  const unknown = values.row.find((name) => !Object.hasOwn(rows, name));
  if (unknown !== undefined) {
    console.error(`There is no row '${unknown}'. Take one of ${Object.keys(rows).join(', ')}.`);
    process.exit(2);
  }
  return values;
}
