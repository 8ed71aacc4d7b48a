import type { Bench, Line } from './row.ts';
import { rows } from './rows/index.ts';

/** The message of a row's process to the one that started it. */
export type RowMessage = { readonly lines: readonly Line[] } | { readonly error: string };

/** Measures the row that the first argument names, with the bench that the second one describes. */
const [name, bench] = process.argv.slice(2);
const row = rows[name!]!;
const message: RowMessage = await measure().then(
  (lines) => ({ lines }),
  (error: Error) => ({ error: error.message }),
);
process.send!(message, () => process.exit());

async function measure(): Promise<Line[]> {
  const run = await row();
  return run(JSON.parse(bench!) as Bench);
}
