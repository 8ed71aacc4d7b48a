import type { Cell, Count } from './cell.ts';

const BEGIN = '<!-- The table: made by npm run published -- DIR --page docs/model-files.md -->';
const END = '<!-- End of the table -->';

const NAMELESS =
  'a module is not in the file under its name: it was fused with its neighbours, what it makes is not used, or the builder packs several in one (`qkv_proj` in place of `q_proj`, `k_proj` and `v_proj`). The error tells what is there';

/** The cells of architectures by the kinds of their files. */
export type Rows = ReadonlyMap<string, ReadonlyMap<string, Cell>>;

/** A page with its table made anew: a column for each kind of file, and below it the reasons of what is not there. */
export function pageOf(page: string, rows: Rows): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`The page has no place for the table: ${BEGIN} … ${END}`);
  // In the order of the architecture that has most.
  const most = [...rows.values()].sort((a, b) => b.size - a.size);
  const kinds = [...new Set(most.flatMap((cells) => [...cells.keys()]))];
  const notes = new Notes();
  const lines = Array.from(rows, ([architecture, cells]) =>
    line([architecture, ...kinds.map((kind) => shown(cells.get(kind), notes))]),
  );
  const head = [line(['', ...kinds]), line(['---', ...kinds.map(() => '---')])];
  return `${before}${BEGIN}\n\n${[...head, ...lines].join('\n')}\n\n${notes.text}\n${END}${after}`;
}

/** What is refused, by the words of its first case: names of modules and operators apart, one note for all. */
class Notes {
  private readonly numbers = new Map<string, { readonly number: number; readonly words: string }>();

  number(words: string): number {
    const form = words.replace(/^no module .*/, 'no module').replaceAll(/'[^']*'|\b[\w]+(\.\w+)+\b/g, '…');
    const known = this.numbers.get(form);
    if (known) return known.number;
    const number = this.numbers.size + 1;
    this.numbers.set(form, { number, words: /^no module/.test(words) ? NAMELESS : words });
    return number;
  }

  get text(): string {
    return Array.from(this.numbers.values(), ({ number, words }) => `${number}. ${words}\n`).join('');
  }
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function shown(cell: Cell | undefined, notes: Notes): string {
  if (!cell) return '';
  if ('refused' in cell) return `no ${mark([cell.refused], notes)}`;
  const { reads, writes, patterns, generates } = cell;
  const tokens =
    generates === null ? '' : generates === true ? ', generates' : generates === false ? ', **wrong tokens**' : '';
  const refused = [reads, writes, patterns].flatMap((one) => one.refused.map(([, message]) => message));
  if (typeof generates === 'string') refused.push(generates);
  const seen = patterns.all > 0 ? `, ${share(patterns)}` : '';
  return `${share(reads)}, ${share(writes)}${seen}${tokens}${mark(refused, notes)}`;
}

function share({ right, all, wrong }: Count): string {
  return `${right}/${all}${wrong.length > 0 ? ` **${wrong.length} wrong**` : ''}`;
}

function mark(refused: readonly string[], notes: Notes): string {
  const numbers = new Set(refused.map((words) => notes.number(words)));
  return numbers.size === 0 ? '' : ` (${[...numbers].join(', ')})`;
}
