import { readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { save } from 'onnsight';
import { expect } from 'vitest';
import { TraceError } from '../../runtime/errors.ts';
import { loadToy, reference } from '../support/toy.ts';

export const clean = { input_ids: [reference.ids.clean] };
export const lm = await loadToy();

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('nothing was wrong'),
    (error: Error) => error,
  );
}

/** What a function throws. */
export function thrown(fn: () => unknown): Error {
  try {
    fn();
  } catch (error) {
    return error as Error;
  }
  return expect.fail('nothing was wrong');
}

export async function expectUsable(): Promise<void> {
  const logits = await lm.trace(clean, () => save(lm.lm_head.output['0, -1']));
  expect(logits.dims).toEqual([reference.cases.modules.logits_last.dims[0]]);
}

/** The checks of a test file whose lines carry marks: a comment `// @name` at the end. */
export function marked(url: string) {
  const file = fileURLToPath(url);
  const lines = readFileSync(file, 'utf8').split('\n');
  /** The line of the file that carries a mark. */
  const lineOf = (mark: string): number => {
    const found = lines.flatMap((line, i) => (line.endsWith(`// @${mark}`) ? [i + 1] : []));
    expect(found, mark).toHaveLength(1);
    return found[0]!;
  };
  /** Fails unless the error is a TraceError at the marked line, and the model can be traced after it. */
  const expectMistake = async (error: Error, mark: string, ...says: (string | RegExp)[]): Promise<void> => {
    expect(error, error.stack).toBeInstanceOf(TraceError);
    const { site, message } = error as TraceError;
    expect(`${site?.file}:${site?.line}: ${message}`).toContain(`${basename(file)}:${lineOf(mark)}: `);
    // As compiled code names its file, whatever the way the place was found.
    expect(site!.file).toBe(relative(process.cwd(), file).replaceAll('\\', '/'));
    expect(message.startsWith(`${site!.file}:${site!.line}:${site!.column} - `)).toBe(true);
    expect(site!.column).toBeGreaterThan(1);
    for (const part of says) expect(message).toMatch(part);
    await expectUsable();
  };
  const traceFails = async (trace: Promise<unknown>, mark: string, ...says: (string | RegExp)[]): Promise<void> =>
    expectMistake(await rejection(trace), mark, ...says);
  return { lineOf, expectMistake, traceFails };
}
