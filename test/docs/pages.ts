import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../hosts/hosts.ts';

/** A page of the manual that has programs. */
export interface Page {
  /** Relative to docs/, without its extension: `how-to/path-patching`. */
  readonly name: string;
  /** Its blocks as one program: those after the first stand in braces and share what that one declares. */
  readonly program: string;
  /** What the comments behind its lines with `console.log` say that they print. */
  readonly said: readonly string[];
}

/** A block that is wrong on purpose: its last comment is a part of the error. */
const WRONG = /^```ts wrong\n(.*?)^```$/gms;
const RIGHT = /^```ts\n(.*?)^```$/gms;

/** The pages of the manual with programs that run as they stand, README's among them. */
export function pages(): Page[] {
  return readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => pageOf(file.slice(0, -'.md'.length), readFileSync(join(ROOT, 'docs', file), 'utf8')))
    .filter(({ program }) => program !== '');
}

function pageOf(name: string, text: string): Page {
  const wrong = [...text.matchAll(WRONG)].map(([, body]) => attempt(body!));
  const [first = '', ...others] = [...text.matchAll(RIGHT)].map(([, body]) => body!);
  const program = [first, ...others.map((body) => `{\n${body}}`), ...wrong.map(({ program }) => program)].join('\n');
  const said = [first, ...others].flatMap((body) => saidIn(body));
  return { name, program: program.trim(), said: [...said, ...wrong.map(({ error }) => error)] };
}

function saidIn(body: string): string[] {
  return [...body.matchAll(/^ *console\.log\(.*\); \/\/ (.*)$/gm)].map(([, said]) => said!);
}

/** A wrong program, which prints its error where that says what the comment does. */
function attempt(body: string): { program: string; error: string } {
  const error = /\/\/ Error: (.*)\n$/.exec(body)?.[1];
  if (error === undefined) throw new Error(`a wrong program ends with the comment // Error: …\n${body}`);
  const told = JSON.stringify(error);
  const program = `{
const error = await (async () => {\n${body}})().then(() => 'no error', ({ message }) => message);
console.log(error.includes(${told}) ? ${told} : error);
}`;
  return { program, error };
}
