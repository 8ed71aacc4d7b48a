import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { operators } from './plain-operators.ts';
import { lower, program } from './run.ts';

/*
 * TypeScript makes functions of arrow functions for ES5, and each of them has its own `arguments`: those that lowering
 * makes must not ask for them. What the program gives without being lowered, for today's JavaScript, says what is right.
 */
const BODIES: Readonly<Record<string, string>> = {
  'in a branch': 'if (log(1)) return arguments.length; return 0;',
  'in a loop':
    'for (const x of [7]) { if (x) return [].slice.call(arguments, 1).concat(arguments.length); } return [];',
  'behind && and ?:': 'return (log(1) && arguments.length) + (log(0) ? 1 : arguments.length);',
  'in a function inside':
    'return (function () { if (log(1)) return arguments[0]; return 5; } as any)(arguments.length);',
  'as it is, and changed':
    'const o = { arguments }; if (log(1)) arguments[1] = 4; return o.arguments[1] + typeof arguments;',
};

function run(code: string, target: ts.ScriptTarget): unknown {
  const { outputText } = ts.transpileModule(code, { compilerOptions: { module: ts.ModuleKind.CommonJS, target } });
  const exports: { run?: (...values: unknown[]) => unknown } = {};
  new Function('exports', 'require', outputText)(exports, () => operators);
  return exports.run!((value: unknown) => value, 2, 3);
}

describe('arguments, where TypeScript compiles to ES5', () => {
  it.each(Object.entries(BODIES))('%s', (_, body) => {
    const code = program(body);
    const expected = run(code, ts.ScriptTarget.ES2022);
    for (const target of [ts.ScriptTarget.ES5, ts.ScriptTarget.ES2015, ts.ScriptTarget.ES2022]) {
      expect(run(lower(code), target)).toEqual(expected);
    }
  });
});
