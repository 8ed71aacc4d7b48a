import type { ts } from 'ts-morph';
import { argumentsOf, callOf } from './arguments.ts';
import { calleeOf, lowerCallee, memberOf } from './callees.ts';
import { isChain, lowerChain } from './chains.ts';
import { type Code, operator } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** `f(x)` → `call(f, undefined, [x])`, `o.m(x)` → `call(o.m, o, [x])`: the runtime sees what is called, and on what. */
export function lowerCall(lowering: Lowering, node: ts.CallExpression): Code {
  const callee = calleeOf(node);
  if (syntax.isIdentifier(callee) && isGlobal(lowering, callee)) {
    if (callee.text === 'eval') lowering.refuse('eval', callee);
    if (callee.text === 'require') return lowering.copy(node);
  }
  if (callee.kind === syntax.SyntaxKind.ImportKeyword) return lowering.copy(node);
  if (callee.kind === syntax.SyntaxKind.SuperKeyword) return lowerSuper(lowering, node);
  if (isChain(callee)) {
    const object = lowering.frame.temporary();
    const member = lowerChain(lowering, callee, {
      member: (_, link, value) => memberOf(lowering, link, [object, ' = ', value]),
      short: 'undefined',
    });
    return callOf(lowering, node, { function: member, object });
  }
  return callOf(lowering, node, lowerCallee(lowering, callee));
}

/** `new C(x)` → `construct(C, [x])` */
export function lowerNew(lowering: Lowering, node: ts.NewExpression): Code {
  const at = lowering.start(node);
  const values = node.arguments ? argumentsOf(lowering, node.arguments, node.end) : '[]';
  return operator('construct', at, [lowering.argument(node.expression), values, lowering.sites.at(at)]);
}

/** `super(x)` → `super(...at([x]))`: only the constructor itself can call it. */
function lowerSuper(lowering: Lowering, node: ts.CallExpression): Code {
  const at = lowering.start(node);
  const values = argumentsOf(lowering, node.arguments, node.end);
  return ['super(...', operator('at', at, [values, lowering.sites.at(at)]), ')'];
}

function isGlobal(lowering: Lowering, name: ts.Identifier): boolean {
  return lowering.scopes.resolve(name.text, name) === undefined;
}
