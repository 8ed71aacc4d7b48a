import type { ts } from 'ts-morph';
import { arrow, type Code, operator, span } from './code.ts';
import { takenOf } from './items.ts';
import { lazyState } from './logical.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isAssignmentTarget } from './references.ts';
import { suspends } from './suspension.ts';

/** A pattern or name without its default values, and what gives them, in order: `x = given(t, () => 1)`. */
export interface WithoutDefaults {
  readonly target: Code;
  readonly defaults: readonly Code[];
}

/**
 * Whether default values in a pattern, or of parameters, can be given by the runtime, after all parts have been taken:
 * not where a part is named by an expression, which might see them, where they wait for something, or where what they do
 * might be seen by a part that comes later.
 */
export function canGive(lowering: Lowering, name: ts.BindingName): boolean {
  return holdsDefault(name) && !holdsKey(name) && !isSeen(name) && !suspends(lowering.frame, name);
}

/** Whether a part is taken after a default value that does something: `{ a = next(), b }`. */
export function isSeen(name: ts.BindingName): boolean {
  const elements = elementsOf(name);
  const acting = elements.findIndex(
    ({ initializer, name: inner }) => acts(initializer) || elementsOf(inner).some(actsIn),
  );
  return (acting >= 0 && acting < elements.length - 1) || elements.some((one) => isSeen(one.name));
}

function actsIn({ initializer, name }: ts.BindingElement): boolean {
  return acts(initializer) || elementsOf(name).some(actsIn);
}

/** Whether an expression may do more than give a value: functions in it are not called here. */
function acts(node: ts.Node | undefined): boolean {
  if (!node || syntax.isFunctionLike(node)) return false;
  const isAction =
    syntax.isCallExpression(node) ||
    syntax.isNewExpression(node) ||
    syntax.isTaggedTemplateExpression(node) ||
    syntax.isDeleteExpression(node) ||
    isAssignmentTarget(node);
  return isAction || syntax.forEachChild(node, (child) => acts(child) || undefined) === true;
}

export function holdsDefault(name: ts.BindingName): boolean {
  return elementsOf(name).some((one) => one.initializer !== undefined || holdsDefault(one.name));
}

/** Whether a part of a pattern is named by an expression. */
export function holdsKey(name: ts.BindingName): boolean {
  return elementsOf(name).some(
    (one) => (one.propertyName && syntax.isComputedPropertyName(one.propertyName)) || holdsKey(one.name),
  );
}

function elementsOf(name: ts.BindingName): readonly ts.BindingElement[] {
  if (syntax.isIdentifier(name)) return [];
  return [...name.elements].flatMap((one) => (syntax.isBindingElement(one) ? [one] : []));
}

/** `{ a = 1, b: { c } = d }` → `{ a: t, b: u }`, and `a = given(t, () => 1)`, `{ c } = given(u, () => d)`. */
export function withoutDefaults(lowering: Lowering, pattern: ts.BindingName, temporary: () => string): WithoutDefaults {
  const defaults: Code[] = [];
  const lower = (name: ts.BindingName): Code => {
    if (syntax.isIdentifier(name)) return lowering.verbatim(name);
    return lowering.copy(name, (child) =>
      syntax.isBindingElement(child) ? lowerElement(child) : lowering.visit(child),
    );
  };
  const lowerElement = (element: ts.BindingElement): Code => {
    const { name, propertyName, initializer } = element;
    const front: Code = span(lowering.start(element), lowering.start(name));
    if (!initializer) return [front, lower(name)];
    const key = propertyName || syntax.isArrayBindingPattern(element.parent) ? '' : [lowering.verbatim(name), ': '];
    const value = temporary();
    const gap = lowering.trivia(name.end, lowering.start(initializer));
    const inner = withoutDefaults(lowering, name, temporary);
    const given = givenOf(lowering, value, initializer);
    const parts = syntax.isIdentifier(name) ? given : takenOf(lowering, name, given);
    defaults.push([inner.target, ' = ', parts], ...inner.defaults);
    return [front, key, value, gap];
  };
  return { target: lower(pattern), defaults };
}

/** `given(t, () => d)` */
export function givenOf(lowering: Lowering, value: Code, initializer: ts.Expression): Code {
  const at = lowering.start(initializer);
  const site = lowering.sites.at(at);
  return operator('given', at, [value, lowering.thunk(initializer), site, ...lazyState(lowering, initializer)]);
}

/** What refuses parts of which JavaScript itself cannot tell whether they are there: `sure(a)`. */
export function guardsOf(lowering: Lowering, name: ts.BindingName): readonly Code[] {
  return elementsOf(name).flatMap((one): readonly Code[] => {
    const own = one.initializer && syntax.isIdentifier(one.name) ? [guardOf(lowering, one.name)] : [];
    return [...own, ...guardsOf(lowering, one.name)];
  });
}

export function guardOf(lowering: Lowering, name: ts.Identifier): Code {
  const at = lowering.start(name);
  return operator('sure', at, [name.text, lowering.sites.at(at)]);
}

/** A part of a pattern that is assigned to: `[o.p = 1]` → `[assigned((v) => { o.p = v; }, () => 1).value]` */
export function lowerAssigned(lowering: Lowering, target: ts.Expression, initializer: ts.Expression, set: Code): Code {
  const at = lowering.start(target);
  const gap = lowering.trivia(target.end, lowering.start(initializer));
  const values = [[arrow('__v'), '{ ', set, '; }'], [gap, lowering.thunk(initializer)], lowering.sites.at(at)];
  return [operator('assigned', at, values), '.value'];
}
