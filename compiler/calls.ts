import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

const CONSOLE_METHODS = new Set(['log', 'info', 'warn', 'error', 'debug']);

/** `a.push(x)` → `push(a, [x])`, `console.log(x)` → `log('log', [x])`, `Math.f(x)` → `math('f', [x])`. */
export function lowerCall(lowering: Lowering, node: ts.CallExpression): Code {
  const { expression: callee } = node;
  if (syntax.isIdentifier(callee) && callee.text === 'eval' && isGlobal(lowering, callee)) {
    lowering.refuse('eval', callee);
  }
  if (!syntax.isPropertyAccessExpression(callee) || syntax.isOptionalChain(node)) return placed(lowering, node);
  const { expression: object, name } = callee;
  const at = lowering.start(node);
  const site = lowering.sites.at.bind(lowering.sites, at);
  const gap = lowering.trivia(object.end, callee.end);
  const values = (): Code => [gap, '[', valuesOf(lowering, node), ']'];
  if (syntax.isIdentifier(object) && isGlobal(lowering, object)) {
    if (object.text === 'console' && CONSOLE_METHODS.has(name.text)) {
      return operator('log', at, [`'${name.text}'`, values(), site()]);
    }
    if (object.text === 'Math') return operator('math', at, [`'${name.text}'`, values(), site()]);
  }
  if (name.text === 'push' && object.kind !== syntax.SyntaxKind.SuperKeyword) {
    return operator('push', at, [lowering.argument(object), values(), site()]);
  }
  return placed(lowering, node);
}

/** `f(x)` → `f(...at([x], site))`: the callee may build a node, whose errors then point here. */
function placed(lowering: Lowering, node: ts.CallExpression): Code {
  const { expression: callee } = node;
  const { ImportKeyword, SuperKeyword } = syntax.SyntaxKind;
  const isSpecial = callee.kind === ImportKeyword || callee.kind === SuperKeyword;
  if (isSpecial || (syntax.isIdentifier(callee) && callee.text === 'require')) return lowering.copy(node);
  const at = lowering.start(node);
  return [
    lowering.visit(callee),
    { start: callee.end, end: node.arguments.pos },
    '...',
    operator('at', at, [['[', valuesOf(lowering, node), ']'], lowering.sites.at(at)]),
    ')',
  ];
}

/** `new` takes no call as its constructor, unless in parentheses. */
export function lowerNew(lowering: Lowering, node: ts.NewExpression): Code {
  const { expression } = node;
  if (syntax.isIdentifier(expression)) return lowering.copy(node);
  return lowering.copy(node, (child) =>
    child === expression ? ['(', lowering.visit(child), ')'] : lowering.visit(child),
  );
}

/** The arguments of a call, with the line breaks and comments between its parentheses. */
function valuesOf(lowering: Lowering, node: ts.CallExpression): Code {
  const parts: Code[] = [];
  let from = node.arguments.pos;
  for (const argument of node.arguments) {
    const start = lowering.start(argument);
    parts.push({ start: from, end: start }, lowering.visit(argument));
    from = argument.end;
  }
  return [...parts, { start: from, end: node.end - 1 }];
}

function isGlobal(lowering: Lowering, name: ts.Identifier): boolean {
  return lowering.scopes.resolve(name.text, name) === undefined;
}
