import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

const CONSOLE_METHODS = new Set(['log', 'info', 'warn', 'error', 'debug']);

/** Functions of JavaScript that look at a value at once: of a traced tensor there is none yet. */
const NATIVES = new Set([
  ...'Boolean Number String BigInt parseInt parseFloat isNaN isFinite Object.is'.split(' '),
  ...'isNaN isFinite isInteger isSafeInteger parseFloat parseInt'.split(' ').map((name) => `Number.${name}`),
]);

/** Methods of arrays that decide by what a function returns. */
const PREDICATES = new Set('filter find findIndex findLast findLastIndex some every sort toSorted'.split(' '));

/**
 * `a.push(x)` → `push(a, [x])`, `console.log(x)` → `log('log', [x])`, `Math.f(x)` → `math('f', [x])`,
 * `Number(x)` → `Number(...native('Number', [x]))`, `a.filter(f)` → `a.filter(...predicate('filter', [f]))`.
 */
export function lowerCall(lowering: Lowering, node: ts.CallExpression): Code {
  const { expression: callee } = node;
  if (syntax.isIdentifier(callee) && callee.text === 'eval' && isGlobal(lowering, callee)) {
    lowering.refuse('eval', callee);
  }
  const native = nativeName(lowering, callee);
  if (native) return placed(lowering, node, { name: 'native', of: native });
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
  return placed(lowering, node, PREDICATES.has(name.text) ? { name: 'predicate', of: name.text } : null);
}

/** A guard of a call's arguments, and the function it is for. */
interface Guard {
  readonly name: 'native' | 'predicate';
  readonly of: string;
}

/** `f(x)` → `f(...at([x], site))`: the callee may build a node, whose errors then point here. */
function placed(lowering: Lowering, node: ts.CallExpression, guard: Guard | null = null): Code {
  const { expression: callee } = node;
  const { ImportKeyword, SuperKeyword } = syntax.SyntaxKind;
  const isSpecial = callee.kind === ImportKeyword || callee.kind === SuperKeyword;
  if (isSpecial || (syntax.isIdentifier(callee) && callee.text === 'require')) return lowering.copy(node);
  const at = lowering.start(node);
  const function_ = lowering.visit(callee);
  const values: readonly Code[] = [['[', valuesOf(lowering, node), ']'], lowering.sites.at(at)];
  return [
    function_,
    { start: callee.end, end: node.arguments.pos },
    '...',
    guard ? operator(guard.name, at, [`'${guard.of}'`, ...values]) : operator('at', at, values),
    ')',
  ];
}

/** The name of a function of JavaScript that looks at its arguments at once. */
function nativeName(lowering: Lowering, callee: ts.Expression): string | null {
  const object = syntax.isPropertyAccessExpression(callee) ? callee.expression : callee;
  if (!syntax.isIdentifier(object) || !isGlobal(lowering, object)) return null;
  const name = callee === object ? object.text : `${object.text}.${(callee as ts.PropertyAccessExpression).name.text}`;
  return NATIVES.has(name) ? name : null;
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
