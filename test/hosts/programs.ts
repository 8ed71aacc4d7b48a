import { readdirSync, readFileSync } from 'node:fs';
import { ROOT } from './hosts.ts';

/** The programs among the examples, without their extensions: a file that exports something is a helper of theirs. */
export function examplePrograms(): string[] {
  return readdirSync(`${ROOT}examples`)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `examples/${name}`)
    .filter((file) => !/^export\b/m.test(readFileSync(ROOT + file, 'utf8')))
    .map((file) => file.slice(0, -'.ts'.length));
}

/** The first program in the README, and its output according to the README. */
export function readmeProgram(): { text: string; prints: string } {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8');
  const [, text, prints] = /```ts\n(import .*?)```.*?prints `([^`]+)`/s.exec(readme) ?? [];
  if (text === undefined || prints === undefined) throw new Error('README.md has no program that prints something');
  return { text, prints };
}
