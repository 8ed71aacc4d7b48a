import { decodedMappings, TraceMap } from '@jridgewell/trace-mapping';
import { expect, it } from 'vitest';
import { transform } from '../../compiler/transform.ts';
import { withoutClosures } from '../../plugin/coverage.ts';
import * as operators from '../../runtime/operators/index.ts';

const CODE = `function run(a, log) {
  'use trace';
  if (a) {
    log('then');
  } else if (log.length > a) {
    return (() => ({ a }))();
  }
  const chosen = a ? 1 : (2, 3);
  for (const one of [1, 2, 3]) {
    if (one > 2) continue;
    log(one);
  }
  try {
    if (chosen === 3) throw new Error('three');
    log('less');
  } catch ({ message }) {
    log(message);
  }
  return [1, 2].map((x) => x * chosen + (a && 1));
}`;

function run(code: string): unknown[] {
  const body = code.replace("import * as __o from 'onnsight/operators';", '');
  const compiled = new Function('__o', `${body}\nreturn run;`)(operators);
  return [true, 1, false].map((a) => {
    const logged: unknown[] = [];
    return [compiled(a, (text: unknown) => logged.push(text)), logged];
  });
}

it('the heads of closures that compiling made are on no line of the user’s, and the program does the same', () => {
  const { code } = transform(CODE, { file: 'run.js', id: '/project/run.js' })!;
  const moved = withoutClosures(code, '/project/run.js')!;
  expect(run(moved.code)).toEqual(run(CODE));
  const mappings = decodedMappings(new TraceMap(JSON.stringify(moved.map)));
  const lines = moved.code.split('\n');
  const mapped = lines.filter((_, i) => (mappings[i] ?? []).length > 0);
  expect(mapped.join('\n')).not.toMatch(/if \(__n\d|= __e\d/);
  // those that are left are the user's own
  expect(mapped.join('\n').match(/\([\w, ]*\) =>/g)).toEqual(['() =>', '(x) =>']);
});

it('a file without blocks stays as it is', () => {
  expect(withoutClosures("import { a } from 'onnsight/operators'; [1].map((x) => x);", '/a.js')).toBeNull();
});
