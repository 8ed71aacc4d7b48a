import type { Construct } from './construct.ts';
import { type Program, randomProgram } from './program.ts';
import { shrink } from './shrink.ts';
import type { Told } from './tally.ts';
import { judge, type Verdict } from './verdict.ts';

type Allowed = (construct: Construct) => boolean;

/** Runs the program of a seed in all ways. */
export async function tell(seed: number, allowed?: Allowed): Promise<Told> {
  const { text, drawn } = randomProgram(seed, allowed);
  const { kind, reason } = await judge(text);
  return { seed, kind, reason, drawn: [...drawn] };
}

/** The smallest program that fails as that of a seed does, with what came of it, to be read. */
export async function smallest(seed: number, allowed?: Allowed): Promise<string> {
  const { text }: Program = randomProgram(seed, allowed);
  const whole = await judge(text);
  const isSame = (one: Verdict) => one.kind === whole.kind && (one.kind === 'different' || one.reason === whole.reason);
  const small = await shrink(text, async (smaller) => isSame(await judge(smaller)));
  const { ends } = await judge(small);
  const told = Object.entries(ends).map(([way, end]) => `// ${way}: ${end.replace(/\s+/g, ' ')}`);
  return [`// ${whole.kind}: ${whole.reason} [seed ${seed}]`, small.replace(/\n\s*\n/g, '\n').trim(), ...told].join(
    '\n',
  );
}
