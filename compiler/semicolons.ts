import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import type { Lowering } from './lowering.ts';

/** A statement that relied on an automatic semicolon must not run into the code that follows now. */
export function ended(lowering: Lowering, node: ts.Statement, code: Code): Code {
  return lowering.text[node.end - 1] === ';' ? code : [code, ';'];
}
