import type { ts } from 'ts-morph';
import { type Code, operator } from './code.ts';
import { inherited, isInherited } from './inherited.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';
import { isWrapper } from './wrappers.ts';

export type Member = ts.ElementAccessExpression | ts.PropertyAccessExpression;

export function isMember(node: ts.Node): node is Member {
  return syntax.isElementAccessExpression(node) || syntax.isPropertyAccessExpression(node);
}

/** Whether a write to the member is a call: private and inherited members can only be written by their class. */
export function isSettable(node: Member): boolean {
  if (isInherited(node)) return false;
  return syntax.isElementAccessExpression(node) || !syntax.isPrivateIdentifier(node.name);
}

/** A read: `a[k]` → `getitem(a, k)`, `a.length` → `length(a)`, `a.b` → `member(a, 'b')`. */
export function lowerMember(lowering: Lowering, node: Member): Code {
  const key = syntax.isElementAccessExpression(node) ? keyOf(lowering, node) : null;
  if (isAssignmentTarget(node) || isTag(node) || isOfMeta(node)) return lowering.copy(node);
  if (isInherited(node)) return inherited(lowering, node, 'inherited');
  if (!isSettable(node)) return lowering.copy(node);
  const { expression: object } = node;
  const at = lowering.start(node);
  if (key) {
    return operator('getitem', at, [
      [lowering.argument(object), lowering.trivia(object.end, lowering.start(key))],
      [lowering.argument(key), lowering.trivia(key.end, node.end)],
      lowering.sites.at(at),
    ]);
  }
  if (syntax.isElementAccessExpression(node)) return lowering.copy(node);
  if (node.name.text !== 'length' && syntax.isIdentifier(object) && mayBeEnum(lowering, object)) {
    return isWithoutGetters(lowering, object) ? lowering.copy(node) : ofName(lowering, node, object);
  }
  return readByName(lowering, node, [lowering.argument(object), lowering.trivia(object.end, node.end)]);
}

/** The member of an object by its name. */
export function readByName(lowering: Lowering, node: ts.PropertyAccessExpression, object: Code): Code {
  const at = lowering.start(node);
  const { text } = node.name;
  const site = lowering.sites.at(at);
  return text === 'length'
    ? operator('length', at, [object, site])
    : operator('member', at, [object, ["'", lowering.verbatim(node.name), "'"], site]);
}

/** A `const enum` is no value, so that only TypeScript can read its members; the globals are JavaScript's own. */
function mayBeEnum(lowering: Lowering, object: ts.Identifier): boolean {
  const binding = lowering.scopes.resolve(object.text, object);
  if (!binding) return true;
  return binding.kind === 'import' ? /^[A-Z]/.test(binding.name) : syntax.isEnumDeclaration(binding.declaration.parent);
}

/** Objects of JavaScript itself, whose getters do nothing. */
const NAMESPACES = new Set(['Math', 'Number', 'Symbol', 'Reflect', 'JSON', 'Object', 'Array', 'Date', 'console']);

function isWithoutGetters(lowering: Lowering, name: ts.Identifier): boolean {
  const binding = lowering.scopes.resolve(name.text, name);
  return binding ? binding.kind !== 'import' : NAMESPACES.has(name.text);
}

/** `Name.x` → `(named(Name, 'x'), Name.x)`, where the name may be no value. */
function ofName(lowering: Lowering, node: ts.PropertyAccessExpression, { text }: ts.Identifier): Code {
  const at = lowering.start(node);
  const value = `typeof ${text} === 'undefined' ? null : ${text}`;
  const named = operator('named', at, [value, `'${node.name.text}'`, lowering.sites.at(at)]);
  return ['(', named, ', ', lowering.copy(node), ')'];
}

/** The tag of a template keeps its `this`. */
function isTag(node: ts.Node): boolean {
  const { parent } = node;
  if (syntax.isTaggedTemplateExpression(parent)) return parent.tag === node;
  return isWrapper(parent) && isTag(parent);
}

function isOfMeta({ expression }: Member): boolean {
  return syntax.isMetaProperty(expression);
}
