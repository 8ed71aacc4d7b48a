import type { ts } from 'ts-morph';
import { callOf } from './arguments.ts';
import { type Callee, calleeOf, lowerCallee, memberOf } from './callees.ts';
import { type Code, operator } from './code.ts';
import { isMember, type Member } from './indexing.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

type Link = Member | ts.CallExpression;
type OptionalLink = ts.PropertyAccessChain | ts.ElementAccessChain | ts.CallChain;

/** What becomes of the last member of a chain, and of the whole chain where it is cut short. */
export interface ChainEnd {
  member(lowering: Lowering, link: Member, object: Code): Code;
  readonly short: string;
}

/** Whether a member or call belongs to an optional chain: `a?.b`, `a?.b.c()`. */
export function isChain(node: ts.Node): node is OptionalLink {
  return syntax.isOptionalChain(node) && (isMember(node) || syntax.isCallExpression(node));
}

/** `a?.b[k]` → `((t = a) == null ? undefined : getitem(t.b, k))`: each link becomes what it is outside of a chain. */
export function lowerChain(lowering: Lowering, node: Link, end?: ChainEnd): Code {
  const { member, short } = end ?? { member: read, short: 'undefined' };
  const links = linksOf(node);
  const tests: Code[] = [];
  // What the next link is called on, or read from.
  let callee: Callee = lowerBase(lowering, links[0]!);
  links.forEach((link, index) => {
    const gap = isMember(link) ? gapBefore(lowering, link) : '';
    if (gap !== '') callee = { ...callee, function: [callee.function, gap] };
    if (link.questionDotToken) {
      const name = lowering.frame.temporary();
      tests.push(['(', name, ' = ', callee.function, `) == null ? ${short} : `]);
      callee = { ...callee, function: name };
    }
    const next = links[index + 1];
    if (syntax.isCallExpression(link)) callee = value(callOf(lowering, link, callee));
    else if (next && syntax.isCallExpression(next)) {
      const object = lowering.frame.temporary();
      callee = { function: memberOf(lowering, link, [object, ' = ', callee.function]), object };
    } else callee = value((next ? read : member)(lowering, link, callee.function));
  });
  return ['(', tests, callee.function, ')'];
}

function lowerBase(lowering: Lowering, first: Link): Callee {
  if (isMember(first)) return value(lowering.argument(first.expression));
  return lowerCallee(lowering, calleeOf(first));
}

function value(code: Code): Callee {
  return { function: code, object: 'undefined' };
}

function read(lowering: Lowering, link: Member, object: Code): Code {
  const at = lowering.start(link);
  const site = lowering.sites.at(at);
  if (syntax.isElementAccessExpression(link)) {
    return operator('getitem', at, [object, lowering.argument(keyOf(lowering, link)), site]);
  }
  return link.name.text === 'length' ? operator('length', at, [object, site]) : memberOf(lowering, link, object);
}

/** The members and calls of a chain, from its first `?.` on. */
function linksOf(node: Link): readonly Link[] {
  const links: Link[] = [];
  let at: ts.Node = node;
  while (syntax.isOptionalChain(at)) {
    // `a?.b!.c` is one chain: the assertion is not a link.
    if (isChain(at)) links.unshift(at);
    at = at.expression;
  }
  return links;
}

/** The line breaks and comments before the name or key of a member. */
function gapBefore(lowering: Lowering, link: Member): Code {
  const name = syntax.isElementAccessExpression(link) ? link.argumentExpression : link.name;
  return lowering.trivia(link.expression.end, lowering.start(name));
}
