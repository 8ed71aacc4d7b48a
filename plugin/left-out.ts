import type { ts } from 'ts-morph';
import { CompileError } from '../compiler/diagnostics.ts';
import { parse, syntax } from '../compiler/parse.ts';
import { MISTAKES_LATER } from './mistakes-later.ts';

/**
 * The text with the function that `error` is about replaced by one that throws it: the block of an intervention, or what
 * such a block calls or is. Lines stay lines. Null where the mistake stands elsewhere: all of the file is in vain then.
 */
export function leftOut(text: string, file: string, error: unknown): string | null {
  if (!process.env[MISTAKES_LATER] || !(error instanceof CompileError)) return null;
  const source = parse(text, file);
  if (!source) return null;
  const at = source.getPositionOfLineAndCharacter(error.line - 1, error.column - 1);
  const found = functionAround(source, at);
  if (!found) return null;
  const start = found.getStart(source);
  const lines = '\n'.repeat(text.slice(start, found.end).split('\n').length - 1);
  const thrown = `Object.assign(new Error(${JSON.stringify(error.format())}), { name: 'CompileError' })`;
  return `${text.slice(0, start)}${headOf(found)}{${lines} throw ${thrown}; }${text.slice(found.end)}`;
}

/** The function that is given to a call of intervention() around a position, or the outermost one. */
function functionAround(source: ts.SourceFile, at: number): ts.SignatureDeclaration | null {
  let block: ts.SignatureDeclaration | null = null;
  let outermost: ts.SignatureDeclaration | null = null;
  const visit = (node: ts.Node): void => {
    if (at < node.getStart(source) || at >= node.end) return;
    if (syntax.isFunctionLike(node) && 'body' in node) {
      outermost ??= node;
      if (syntax.isCallExpression(node.parent) && isIntervention(node.parent.expression)) block = node;
    }
    syntax.forEachChild(node, visit);
  };
  visit(source);
  return block ?? outermost;
}

function isIntervention(callee: ts.Expression): boolean {
  const name = syntax.isPropertyAccessExpression(callee) ? callee.name : callee;
  return syntax.isIdentifier(name) && name.text === 'intervention';
}

/** What stands before the body of an ordinary function in the place of this one. */
function headOf(node: ts.SignatureDeclaration): string {
  if (syntax.isArrowFunction(node)) return '() => ';
  const name = node.name?.getText() ?? '';
  if (syntax.isFunctionExpression(node)) return `function ${name}() `;
  const modifiers = (syntax.canHaveModifiers(node) && node.modifiers) || [];
  const kept = modifiers
    .filter(({ kind }) => kind !== syntax.SyntaxKind.AsyncKeyword)
    .map((one) => `${one.getText()} `);
  if (syntax.isFunctionDeclaration(node)) return `${kept.join('')}function ${name}() `;
  if (syntax.isConstructorDeclaration(node)) return 'constructor() ';
  if (syntax.isGetAccessorDeclaration(node)) return `${kept.join('')}get ${name}() `;
  return `${kept.join('')}${syntax.isSetAccessorDeclaration(node) ? 'set ' : ''}${name}(_) `;
}
