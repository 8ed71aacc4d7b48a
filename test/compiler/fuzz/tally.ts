import { NAMES } from './constructs/index.ts';
import { isMeaningless } from './meaningless.ts';
import type { Which } from './one.ts';
import type { Verdict } from './verdict.ts';

/** What is told of one program. */
export interface Told extends Which {
  readonly kind: Verdict['kind'];
  readonly reason: string;
  readonly drawn: readonly string[];
}

/** Counts of many programs. */
export class Tally {
  readonly kinds: Record<Verdict['kind'], number> = { equal: 0, refused: 0, different: 0, broken: 0, unfit: 0 };
  /** Programs that were refused although a graph can have what they mean. */
  needless = 0;
  /** Of what is not equal: how many, and the first of them, by reason. */
  readonly reasons = new Map<string, { readonly first: Told; count: number }>();
  private readonly drawn = new Map<string, number>(NAMES.map((name) => [name, 0]));

  add(told: Told): void {
    this.kinds[told.kind]++;
    for (const name of told.drawn) this.drawn.set(name, (this.drawn.get(name) ?? 0) + 1);
    if (told.kind === 'equal' || told.kind === 'unfit') return;
    if (told.kind === 'refused' && !isMeaningless(told.reason)) this.needless++;
    const key = `${told.kind}: ${told.reason}`;
    const known = this.reasons.get(key);
    if (known) known.count++;
    else this.reasons.set(key, { first: told, count: 1 });
  }

  get programs(): number {
    return Object.values(this.kinds).reduce((a, b) => a + b);
  }

  /** The constructs from the rarest on, each with its share of the programs. */
  shares(): (readonly [name: string, share: number])[] {
    return [...this.drawn].map(([name, count]) => [name, count / this.programs] as const).sort((a, b) => a[1] - b[1]);
  }

  /** The disagreements, one for each reason. */
  wrong(): readonly Told[] {
    const firsts = [...this.reasons.values()].map(({ first }) => first);
    return firsts.filter(({ kind }) => kind === 'different' || kind === 'broken');
  }

  /** In a line. */
  short(): string {
    const reasons = [...this.reasons].map(([key, { count }]) => `${count} ${key.slice(0, 120)}`);
    return [`${this.kinds.equal} equal`, ...reasons].join(' | ');
  }

  toString(): string {
    const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
    const byCount = [...this.reasons].sort(([, a], [, b]) => b.count - a.count);
    return [
      `${this.programs} programs: ${Object.entries(this.kinds)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(', ')}.`,
      `Refused although a graph can have what they mean: ${this.needless} (${percent(this.needless / this.programs)}).`,
      '',
      'Constructs, by the share of programs that have them:',
      ...this.shares().map(([name, share]) => `  ${percent(share).padStart(7)}  ${name}`),
      '',
      'Not equal, by reason (with the first seed):',
      ...byCount.map(([key, { first, count }]) => {
        const mark = first.kind === 'refused' && isMeaningless(first.reason) ? ' (has no meaning in a graph)' : '';
        return `  ${String(count).padStart(7)}  ${key}${mark}  [${first.seed}]`;
      }),
    ].join('\n');
  }
}
