import type { ts } from 'ts-morph';
import { CompileError } from '../compiler/diagnostics.ts';
import { parse, syntax } from '../compiler/parse.ts';
import { MISTAKES_LATER } from './mistakes-later.ts';

/**
 * The text with the block of an intervention that `error` is about replaced by one that throws it; lines stay lines. Null where
 * the mistake stands elsewhere: all of the file is in vain then.
 */
export function leftOut(text: string, file: string, error: unknown): string | null {
  if (!process.env[MISTAKES_LATER] || !(error instanceof CompileError)) return null;
  const source = parse(text, file);
  if (!source) return null;
  const at = source.getPositionOfLineAndCharacter(error.line - 1, error.column - 1);
  const block = blockAround(source, at);
  if (!block) return null;
  const start = block.getStart(source);
  const lines = '\n'.repeat(text.slice(start, block.end).split('\n').length - 1);
  const thrown = `Object.assign(new Error(${JSON.stringify(error.format())}), { name: 'CompileError' })`;
  return `${text.slice(0, start)}() => {${lines} throw ${thrown}; }${text.slice(block.end)}`;
}

/** The function that is given to a call of intervention(), and in which a position is. */
function blockAround(source: ts.SourceFile, at: number): ts.Node | null {
  let found: ts.Node | null = null;
  const visit = (node: ts.Node): void => {
    if (at < node.getStart(source) || at >= node.end) return;
    const isFunction = syntax.isArrowFunction(node) || syntax.isFunctionExpression(node);
    if (isFunction && syntax.isCallExpression(node.parent) && isIntervention(node.parent.expression)) found = node;
    syntax.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isIntervention(callee: ts.Expression): boolean {
  const name = syntax.isPropertyAccessExpression(callee) ? callee.name : callee;
  return syntax.isIdentifier(name) && name.text === 'intervention';
}
