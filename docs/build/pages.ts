import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const DOCS = fileURLToPath(new URL('..', import.meta.url));

/** A page of the manual that has programs. */
export interface Page {
  /** Relative to docs/, without its extension: `how-to/path-patching`. */
  readonly name: string;
  /** Its blocks as one program. */
  readonly program: string;
  /** What it prints, as the comments behind its `console.log` and the blocks of text say. */
  readonly said: readonly string[];
  /** The names of the files of its pictures. */
  readonly pictures: readonly string[];
}

/** A block: TypeScript, TypeScript that is wrong on purpose, or what is printed. */
const BLOCK = /^```(ts|ts wrong|text)\n(.*?)^```$/gms;

/** The pages of the manual with programs, which run as they stand. */
export function pages(): Page[] {
  return readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/node_modules|reference/.test(file))
    .map((file) => pageOf(file.slice(0, -'.md'.length), readFileSync(join(DOCS, file), 'utf8')))
    .filter(({ program }) => program !== '')
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The first block of a page is shared by the others, which stand in braces. */
function pageOf(name: string, text: string): Page {
  const programs: string[] = [];
  const said: string[] = [];
  for (const [, kind, body] of text.matchAll(BLOCK)) {
    if (kind === 'text') said.push(...body!.trimEnd().split('\n'));
    else if (kind === 'ts wrong') {
      const { program, error } = attempt(body!);
      programs.push(program);
      said.push(error);
    } else {
      programs.push(programs.length === 0 ? body! : `{\n${body}}`);
      said.push(...saidIn(body!));
    }
  }
  const pictures = [...text.matchAll(/\]\((?:\.\.\/)?pictures\/([\w-]+\.svg)\)/g)].map(([, file]) => file!);
  return { name, program: programs.join('\n'), said, pictures };
}

/** What the comments behind its lines with `console.log` say. */
function saidIn(body: string): string[] {
  return [...body.matchAll(/^ *console\.log\(.*\); \/\/ (.*)$/gm)].map(([, said]) => said!);
}

/** A wrong program, which prints its error where that says what the comment does. */
function attempt(body: string): { program: string; error: string } {
  const error = /\/\/ Error: (.*)\n$/.exec(body)?.[1];
  if (error === undefined) throw new Error(`a wrong program ends with the comment // Error: …\n${body}`);
  const told = JSON.stringify(error);
  const program = `{
const error = await (async () => {\n${body}})().then(() => 'no error', ({ message }: Error) => message);
console.log(error.includes(${told}) ? ${told} : error);
}`;
  return { program, error };
}
