import type { ts } from 'ts-morph';
import { callOf } from './arguments.ts';
import { type Callee, calleeOf, lowerCallee, memberOf } from './callees.ts';
import { arrow, type Code, operator } from './code.ts';
import { isMember, isSettable, type Member, readByName } from './indexing.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { suspends } from './suspension.ts';

type Link = Member | ts.CallExpression;
type OptionalLink = ts.PropertyAccessChain | ts.ElementAccessChain | ts.CallChain;

/** What becomes of the last member of a chain, and of the whole chain where it is cut short. */
export interface ChainEnd {
  member(lowering: Lowering, link: Member, object: Code): Code;
  readonly short: string;
}

const READ: ChainEnd = { member: read, short: 'undefined' };

/** Whether a member or call belongs to an optional chain: `a?.b`, `a?.b.c()`. */
export function isChain(node: ts.Node): node is OptionalLink {
  return syntax.isOptionalChain(node) && (isMember(node) || syntax.isCallExpression(node));
}

/** `a?.b[k]` → `optional(a, (o) => getitem(o.b, k))`: each link becomes what it is outside of a chain. */
export function lowerChain(lowering: Lowering, node: Link, end: ChainEnd = READ): Code {
  const links = linksOf(node);
  return lowerLinks(lowering, links, lowerBase(lowering, links[0]!), node, end);
}

/** The links of a chain from some on; `callee` is what the first of them is called on, or read from. */
function lowerLinks(lowering: Lowering, links: readonly Link[], callee: Callee, node: Link, end: ChainEnd): Code {
  const [link, ...others] = links;
  if (!link) return callee.function;
  const { questionDotToken } = link;
  const gap = isMember(link) ? gapBefore(lowering, link) : '';
  const base: Code = gap === '' ? callee.function : [callee.function, gap];
  const rest = (from: Code): Code =>
    lowerLinks(lowering, others, lowerLink(lowering, link, others[0], { ...callee, function: from }, end), node, end);
  if (!questionDotToken) return rest(base);
  const at = lowering.start(questionDotToken);
  const site = lowering.sites.at(at);
  if (links.some((one) => partsOf(one).some((part) => suspends(lowering.frame, part)))) {
    const name = lowering.frame.temporary();
    const test: Code = ['(', name, ' = ', operator('sure', at, [base, site]), ') == null'];
    return ['(', test, ` ? ${end.short} : `, rest(name), ')'];
  }
  const name = lowering.frame.fresh('o');
  const used = rest(name);
  const state = lowering.states.of({ start: questionDotToken.end, end: node.end }, node);
  const short = end.short === 'undefined' ? [] : [end.short];
  return operator('optional', at, [
    base,
    [arrow(name), used],
    site,
    ...(state === 'null' && short.length === 0 ? [] : [state]),
    ...short,
  ]);
}

/** What a link gives, for the next one to go on with. */
function lowerLink(lowering: Lowering, link: Link, next: Link | undefined, from: Callee, end: ChainEnd): Callee {
  if (syntax.isCallExpression(link)) return value(callOf(lowering, link, from));
  if (!next || !syntax.isCallExpression(next)) {
    return value((next ? read : end.member)(lowering, link, from.function));
  }
  const object = lowering.frame.temporary();
  return { function: memberOf(lowering, link, [object, ' = ', from.function]), object };
}

/** What a link evaluates itself. */
function partsOf(link: Link): readonly ts.Node[] {
  if (syntax.isCallExpression(link)) return link.arguments;
  return syntax.isElementAccessExpression(link) ? [link.argumentExpression] : [];
}

function lowerBase(lowering: Lowering, first: Link): Callee {
  if (isMember(first)) return value(lowering.argument(first.expression));
  return lowerCallee(lowering, calleeOf(first));
}

function value(code: Code): Callee {
  return { function: code, object: 'undefined' };
}

function read(lowering: Lowering, link: Member, object: Code): Code {
  if (syntax.isElementAccessExpression(link)) {
    const at = lowering.start(link);
    return operator('getitem', at, [object, lowering.argument(keyOf(lowering, link)), lowering.sites.at(at)]);
  }
  return isSettable(link) ? readByName(lowering, link, object) : memberOf(lowering, link, object);
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
