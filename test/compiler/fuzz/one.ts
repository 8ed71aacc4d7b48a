import { alone } from './constructs/index.ts';
import { randomProgram } from './program.ts';
import { shrink } from './shrink.ts';
import type { Told } from './tally.ts';
import { judge, type Verdict } from './verdict.ts';

/** A program: of all constructs, or of one with the simplest around it. */
export interface Which {
  readonly seed: number;
  readonly construct?: string | undefined;
}

const programOf = ({ seed, construct }: Which) =>
  randomProgram(seed, construct === undefined ? undefined : alone(construct));

/** Runs a program in all ways. */
export async function tell(which: Which): Promise<Told> {
  const { text, drawn } = programOf(which);
  const { kind, reason } = await judge(text);
  return { ...which, kind, reason, drawn: [...drawn] };
}

/** The smallest program that fails as this one does, with what came of it, to be read. */
export async function smallest(which: Which): Promise<string> {
  const { text } = programOf(which);
  const whole = await judge(text);
  const isSame = (one: Verdict) => one.kind === whole.kind && (one.kind === 'different' || one.reason === whole.reason);
  const small = await shrink(text, async (smaller) => isSame(await judge(smaller)));
  const { ends } = await judge(small);
  const told = Object.entries(ends).map(([way, end]) => `// ${way}: ${end.replace(/\s+/g, ' ')}`);
  const title = `// ${whole.kind}: ${whole.reason} [${which.construct ?? 'seed'} ${which.seed}]`;
  return [title, small.replace(/\n\s*\n/g, '\n').trim(), ...told].join('\n');
}
