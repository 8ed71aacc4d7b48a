import type { Site } from '../graph/types.ts';

/** Functions that went through the compiler. A set of its own, since functions may be frozen or shared. */
const compiled = new WeakSet<object>();

/** Marks a function as compiled and returns it. */
export function block<T extends (...values: never[]) => unknown>(fn: T): T {
  compiled.add(fn);
  return fn;
}

/** Marks a function declaration as compiled. */
export function mark(fn: (...values: never[]) => unknown): void {
  compiled.add(fn);
}

export function isCompiled(fn: object): boolean {
  return compiled.has(fn);
}

/** The places of a file that compiled code refers to, from pairs of line and column. */
export function sites(file: string, positions: readonly number[]): Site[] {
  const result: Site[] = [];
  for (let i = 0; i < positions.length; i += 2) result.push({ file, line: positions[i]!, column: positions[i + 1]! });
  return result;
}
