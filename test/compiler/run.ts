import { inspect } from 'node:util';
import ts from 'typescript';
import { transform } from '../../compiler/transform.ts';
import { operators } from './plain-operators.ts';

/** Lowers a program that is expected to have something to lower. */
export function lower(code: string, id = '/project/program.ts'): string {
  const result = transform(code, { file: 'program.ts', id });
  if (!result) throw new Error('nothing was rewritten');
  return result.code;
}

/** Evaluates a module that exports `run`, and describes what it gives, throws and logs. */
export async function outcome(code: string, runtime: object = operators): Promise<string> {
  const log: unknown[] = [];
  const { outputText, diagnostics } = ts.transpileModule(code, {
    reportDiagnostics: true,
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  });
  const problems = diagnostics?.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')) ?? [];
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\n${code}`);
  const exports: { run?: (log: (...values: unknown[]) => unknown) => unknown } = {};
  const load = (name: string): unknown => (name === 'onnsight/operators' ? runtime : {});
  const record = (...values: unknown[]): unknown => {
    log.push(inspect(values, { depth: 9 }));
    return values.at(-1);
  };
  let result: unknown;
  try {
    new Function('exports', 'require', outputText)(exports, load);
    const value = await exports.run!(record);
    result = typeof (value as Iterator<unknown>)?.next === 'function' ? await drain(value as never) : value;
  } catch (error) {
    result = `threw ${error instanceof Error ? `${error.name}: ${withoutName(error.message)}` : inspect(error)}`;
  }
  return inspect({ result, log }, { depth: 12, maxArrayLength: null });
}

/** V8 names the expression that was not iterable or no function: in lowered code that one is inside the runtime. */
function withoutName(message: string): string {
  return message
    .replace(/^.*( is not iterable|\[Symbol\.iterator\] is not a function)/, 'not iterable')
    .replace(/^.* is not a (function|constructor).*/, 'not a $1');
}

async function drain(iterable: AsyncIterable<unknown>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of iterable) values.push(value);
  return values;
}

/** The body of a traced function `run(log)`, as a module. */
export function program(body: string, kind = 'function'): string {
  return `import type {} from 'onnsight';\nexport ${kind} run(log: any) {\n  'use trace';\n${body}\n}\n`;
}
