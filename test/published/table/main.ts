/** `npm run published -- DIR`: what can be done with the files that test/tools/published_models.py made, as a table. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { program } from 'commander';
import { type Cell, cellOf } from './cell.ts';
import { gradientsOf, toldOf } from './gradients.ts';
import { namesTable } from './names.ts';
import { pageOf } from './page.ts';

interface Options {
  readonly only?: string[];
  readonly kinds?: string[];
  readonly page?: string;
  readonly cells?: string;
  readonly names?: boolean;
  readonly gradients?: boolean;
}

program
  .name('published')
  .argument('<dir>', 'what published_models.py wrote')
  .option('--only <architectures...>', 'some of them')
  .option('--kinds <kinds...>', 'some of them')
  .option('--page <file>', 'the page whose table is written anew')
  .option('--cells <folder>', 'where cells are kept as they are made: what is there is not made again')
  .option('--names', 'only what standard names stand for')
  .option('--gradients', 'only gradients, of what published_gradients.py wrote')
  .action(async (dir: string, { only, kinds, page, cells: kept, names, gradients }: Options) => {
    if (names) {
      console.log(await namesTable(dir, only ?? readdirSync(dir)));
      return;
    }
    const rows = new Map<string, Map<string, Cell>>();
    for (const architecture of only ?? readdirSync(dir)) {
      const made: Record<string, string> = JSON.parse(readFileSync(`${dir}/${architecture}/kinds.json`, 'utf8'));
      const cells = new Map<string, Cell>();
      for (const [kind, how] of Object.entries(made)) {
        if (how !== 'made' || (kinds && !kinds.includes(kind))) continue;
        if (gradients) {
          console.log(architecture, kind, toldOf(await gradientsOf(`${dir}/${architecture}`, kind)));
          continue;
        }
        const known = kept && `${kept}/${architecture}-${kind}.json`;
        if (known && existsSync(known)) {
          cells.set(kind, JSON.parse(readFileSync(known, 'utf8')) as Cell);
          continue;
        }
        const cell = await cellOf(`${dir}/${architecture}`, kind);
        cells.set(kind, cell);
        console.log(architecture, kind, told(cell));
        if (known) {
          mkdirSync(kept, { recursive: true });
          writeFileSync(known, JSON.stringify(cell));
        }
      }
      rows.set(architecture, cells);
    }
    if (page) writeFileSync(page, pageOf(readFileSync(page, 'utf8'), rows));
  });

await program.parseAsync();

function told(cell: Cell): string {
  if ('refused' in cell) return cell.refused;
  const { reads, writes, patterns, weights, generates } = cell;
  const all = [reads, writes, patterns, weights];
  const lines = all.flatMap(({ wrong }) => wrong).map((where) => `\n    WRONG ${where}`);
  const refused = new Map<string, (readonly [string, string])[]>();
  for (const one of all.flatMap(({ refused }) => refused)) {
    const form = one[1].replaceAll(/'[^']*'|\S+\.\S+/g, '…');
    refused.set(form, [...(refused.get(form) ?? []), one]);
  }
  for (const places of refused.values()) lines.push(`\n    ${places.length} x ${places[0]!.join(': ').slice(0, 300)}`);
  return `reads ${reads.right}/${reads.all}, writes ${writes.right}/${writes.all}, patterns ${patterns.right}/${patterns.all}, weights ${weights.right}/${weights.all}, generates ${generates}${lines.join('')}`;
}
