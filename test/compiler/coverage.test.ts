import { Session } from 'node:inspector/promises';
import { Script } from 'node:vm';
import { originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';
import { expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';
import * as operators from '../../runtime/operators/index.ts';

/** Each side of each conditional on a line of its own. */
const CODE = `function run(a, b, log) {
  'use trace';
  if (a) {
    log('then');
  } else {
    log('else');
  }
  if (b) {
    log('if');
  }
  if (b) {
    log('first');
  } else if (a) {
    log('second');
  } else {
    log('third');
  }
  switch (a) {
    case true:
      log('true');
      break;
    case b: {
      log('both');
    }
    case null:
      log('fell through');
      if (b) {
        break;
      }
      log('and on');
    default:
      log('default');
  }
  if (a && b) {
    log('0');
  } else if (a) {
    log('1');
  } else if (b) {
    log('2');
  } else if (log.length > 5) {
    log('3');
  } else if (log === 4) {
    log('4');
  } else {
    log('5');
  }
  const chosen = a
    ? 1
    : 2;
  const long = a && b
    ? 0
    : a
      ? 1
      : b
        ? 2
        : (log.length > 5
          ? 3
          : log === 4
            ? 4
            : 5);
  const both = a
    && b;
  const either = a
    || b;
  const given = a
    ?? b;
  for (const one of [1, 2]) {
    if (one > 5) {
      log(one);
    }
  }
  for (const none of a ? [] : [1]) {
    log(none);
  }
  while (b) {
    log('once');
    break;
  }
  for (let i = 0; i < 3 && !a; i++) {
    if (i === 1) continue;
    log(i);
  }
  try {
    if (a) {
      throw new Error('a');
    }
    log('not thrown');
  } catch (error) {
    log(error);
  }
  try {
    log('never thrown');
  } catch {
    log('caught');
  } finally {
    log('finally');
  }
  if (b) {
    return 0;
  }
  log('rest');
  return [chosen, long, both, either, given];
}`;

/** The lines of the user that a part begins in which V8 reports as not run, as c8 takes it: a branch, or a whole function. */
async function missed(text: string, map: TraceMap | null, a: boolean, b: boolean): Promise<number[]> {
  const filename = `coverage-${Math.random()}.js`;
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const run = new Script(`(function (__o) { ${text}\nreturn run; })`, { filename }).runInThisContext()(operators);
  run(a, b, () => {});
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const { functions } = result.find(({ url }) => url === filename)!;
  const ranges = functions.flatMap(({ ranges: all }) => all).filter(({ count }) => count === 0);
  const isWithin = (a: (typeof ranges)[0], b: typeof a) =>
    a !== b && b.startOffset <= a.startOffset && a.endOffset <= b.endOffset;
  const outer = ranges.filter((one) => !ranges.some((other) => isWithin(one, other)));
  const lines = outer.map(({ startOffset }) => lineOf(text, startOffset - PREFIX, map));
  return [...new Set(lines)].filter((line) => line !== null).sort((x, y) => x - y);
}
const PREFIX = '(function (__o) { '.length;

function lineOf(text: string, offset: number, map: TraceMap | null): number | null {
  const before = text.slice(0, offset).split('\n');
  if (!map) return before.length;
  return originalPositionFor(map, { line: before.length, column: before.at(-1)!.length }).line;
}

it.each([
  [true, true],
  [true, false],
  [false, true],
  [false, false],
])('the branches of a run with %s, %s are counted as in plain JavaScript', async (a, b) => {
  const { code, map } = transform(CODE, { file: 'run.js', id: '/project/run.js' })!;
  const lowered = code.replace("import * as __o from 'onnsight/operators';", '');
  const plain = await missed(CODE, null, a, b);
  expect(plain.length).toBeGreaterThan(3);
  expect(await missed(lowered, new TraceMap(JSON.parse(map.toString())), a, b)).toEqual(plain);
});

it('closures that always run have no place, as reports would count them', () => {
  const { code, map } = transform(CODE, { file: 'run.js', id: '/project/run.js' })!;
  const traced = new TraceMap(JSON.parse(map.toString()));
  const heads = [...code.matchAll(/\(__[bc]\d+\) => /g)];
  expect(heads.length).toBeGreaterThan(8);
  for (const { index } of heads) {
    const before = code.slice(0, index).split('\n');
    const { source } = originalPositionFor(traced, { line: before.length, column: before.at(-1)!.length });
    expect(source, code.slice(index, index + 40)).toBeNull();
  }
});
