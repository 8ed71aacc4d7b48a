import { readFileSync } from 'node:fs';

/** A place in a file: `line:column`, counted from 1. */
export type Place = `${number}:${number}`;

/** The places that comments of the form `//   ^ name` point at, in the line above them, by their names. */
export function carets(file: string): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [above, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const name = /^ *\/\/ *\^ (\w+)$/.exec(line)?.[1];
    if (name !== undefined) places.set(name, `${above}:${line.indexOf('^') + 1}`);
  }
  return places;
}

/** The places that a stack names in the file `name`, innermost first. */
export function placesIn(stack: string, name: string): Place[] {
  const places = stack.split('\n').flatMap((line) => /^ +at .*?([^/]+):(\d+:\d+)\)?$/.exec(line)?.slice(1, 3) ?? []);
  return places.filter((_, i) => i % 2 === 1 && places[i - 1] === name) as Place[];
}
