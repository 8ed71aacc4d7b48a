import type { ts } from 'ts-morph';
import { type Code, isEmpty, operator, span } from './code.ts';
import { isFunction, prologue } from './directives.ts';
import { lowerList } from './lists.ts';
import type { Lowering } from './lowering.ts';
import { DEFAULT_NAME } from './marks.ts';
import { Parameters } from './parameters.ts';
import { syntax } from './parse.ts';
import { guardsOf } from './repeatable.ts';

/** A traced function: lowered, and wrapped if the runtime must recognise it as compiled. */
export function lowerFunction(lowering: Lowering, node: ts.Node & { readonly body: ts.ConciseBody }): Code {
  if (lowering.traced.optedOut.has(node)) return lowering.verbatim(node);
  const outer = lowering.fn;
  const frame = lowering.newFrame(canSuspend(node));
  const parameters = new Parameters(lowering, node);
  const body = (): Code =>
    lowering.inFunction(frame, () =>
      syntax.isBlock(node.body)
        ? lowerBody(lowering, node, node.body, parameters.front)
        : lowerExpressionBody(lowering, node, node.body, parameters.front),
    );
  const code = lowering.copy(
    node,
    (child) => {
      if (child === node.body) return body();
      if (syntax.isParameter(child)) return lowering.inFunction(frame, () => parameters.lower(child));
      return lowering.inFunction(outer, () => lowering.visit(child));
    },
    defaultName(lowering, node),
  );
  return lowering.traced.blocks.has(node) ? wrap(lowering, node, code) : code;
}

function lowerBody(lowering: Lowering, node: ts.Node, body: ts.Block, front: Code): Code {
  const directives = prologue(body.statements);
  const from = directives.at(-1)?.end ?? body.statements.pos;
  const statements = body.statements.slice(directives.length);
  const list = lowerList(lowering, { statements, from, to: body.end - 1, owner: body }, 'function');
  const separator = from > body.statements.pos && lowering.text[from - 1] !== ';' ? ';' : '';
  return [
    span(lowering.start(body), from),
    separator,
    lowering.frame.declarations(),
    rests(node),
    front,
    lowering.shared.declareFor(node),
    list,
    span(body.end - 1, body.end),
  ];
}

function lowerExpressionBody(lowering: Lowering, node: ts.Node, body: ts.Expression, parameters: Code): Code {
  const value = lowering.visit(body);
  const front = [lowering.frame.declarations(), rests(node), parameters, lowering.shared.declareFor(node)];
  return isEmpty(front) ? value : ['{', front, ' return ', value, '; }'];
}

/** The arrays that hold the rest of the arguments: each call makes its own. */
function rests(node: ts.Node): string {
  const parameters = syntax.isFunctionLike(node) ? node.parameters : [];
  return parameters
    .filter(({ name, dotDotDotToken }) => dotDotDotToken && syntax.isIdentifier(name))
    .map(({ name }) => ` __o.fresh(${name.getText()});`)
    .join('');
}

/** `f` → `block(f)`. A method goes through an object, and so does a function that gets its name from its context. */
function wrap(lowering: Lowering, node: ts.Node, code: Code): Code {
  const at = lowering.start(node);
  if (syntax.isMethodDeclaration(node)) {
    const name = node.name.getText();
    const isComputed = syntax.isComputedPropertyName(node.name);
    const member = syntax.isIdentifier(node.name) ? `.${name}` : isComputed ? name : `[${name}]`;
    return [`${name}: `, operator('block', at, [['{ ', code, ` }${member}`]])];
  }
  const name = inferredName(node);
  const fn = name === null ? code : [`{ ${name}: `, code, ` }.${name}`];
  return operator('block', at, [fn, ...guardsOf(lowering, node)]);
}

/** The name that JavaScript gives an anonymous function: stack traces show it. */
function inferredName(node: ts.Node): string | null {
  if (syntax.isFunctionExpression(node) && node.name) return null;
  const name = namingPlace(node);
  return !name || !syntax.isIdentifier(name) || name.text === '__proto__' ? null : name.text;
}

/** The name or key that a function is assigned to. */
function namingPlace(node: ts.Node): ts.Node | null {
  const { parent } = node;
  if (syntax.isBinaryExpression(parent)) {
    const { EqualsToken } = syntax.SyntaxKind;
    return parent.right === node && parent.operatorToken.kind === EqualsToken ? parent.left : null;
  }
  const isNaming =
    syntax.isVariableDeclaration(parent) ||
    syntax.isPropertyAssignment(parent) ||
    syntax.isPropertyDeclaration(parent) ||
    syntax.isParameter(parent) ||
    syntax.isBindingElement(parent);
  return isNaming && parent.initializer === node ? parent.name : null;
}

/** `export default function () {}` gets a name so that it can be marked. */
function defaultName(lowering: Lowering, node: ts.Node): { at: number; code: Code } | undefined {
  if (!syntax.isFunctionDeclaration(node) || node.name || !lowering.traced.functions.has(node)) return undefined;
  const keyword = node.getChildren(lowering.source).find(({ kind }) => kind === syntax.SyntaxKind.FunctionKeyword)!;
  return { at: (node.asteriskToken ?? keyword).end, code: ` ${DEFAULT_NAME}` };
}

function canSuspend(node: ts.Node): boolean {
  if (!isFunction(node)) return false;
  const isAsync = node.modifiers?.some(({ kind }) => kind === syntax.SyntaxKind.AsyncKeyword) ?? false;
  return isAsync || ('asteriskToken' in node && node.asteriskToken !== undefined);
}
