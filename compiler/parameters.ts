import type { ts } from 'ts-morph';
import { type Code, joined, span } from './code.ts';
import { givenOf, guardOf, guardsOf, holdsKey, isSeen, withoutDefaults } from './defaults.ts';
import { isFunction } from './directives.ts';
import { lowerInitializer } from './initializers.ts';
import { takenOf } from './items.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/**
 * The parameters of a function. Default values are given at the front of the body, as whether one is needed may depend
 * on the run: `(a, b = a) => …` → `(a, d = undefined) => { var b = given(d, () => a); … }`.
 */
export class Parameters {
  readonly #lowering: Lowering;
  readonly #isGiven: boolean;
  readonly #given: Code[] = [];
  readonly #guards: Code[] = [];

  constructor(lowering: Lowering, node: ts.Node) {
    this.#lowering = lowering;
    this.#isGiven = canGiveAll(lowering, node);
  }

  /** What comes first in the body, once all parameters are lowered. */
  get front(): Code {
    const given: Code = this.#given.length > 0 ? [' var ', joined(this.#given), ';'] : '';
    return [given, this.#guards.map((guard): Code => [' ', guard, ';'])];
  }

  lower(node: ts.ParameterDeclaration): Code {
    const lowering = this.#lowering;
    const { name, initializer } = node;
    if (!this.#isGiven || (!initializer && syntax.isIdentifier(name))) return this.#lowerNative(node);
    const { target, defaults } = withoutDefaults(lowering, name, () => lowering.frame.fresh('d'));
    const front = span(lowering.start(node), lowering.start(name));
    const parameter = lowering.frame.fresh('d');
    const value = initializer ? givenOf(lowering, parameter, initializer) : parameter;
    const parts = syntax.isIdentifier(name) ? value : takenOf(lowering, name, value);
    this.#given.push([target, ' = ', parts], ...defaults);
    if (!initializer) return [front, parameter, span(name.end, node.end)];
    return [front, parameter, lowering.trivia(name.end, lowering.start(initializer)), ' = undefined'];
  }

  /** With default values that JavaScript gives, which must be sure that there is none. */
  #lowerNative(node: ts.ParameterDeclaration): Code {
    const lowering = this.#lowering;
    const { name, initializer } = node;
    if (initializer && syntax.isIdentifier(name)) this.#guards.push(guardOf(lowering, name));
    this.#guards.push(...guardsOf(lowering, name));
    return lowerParts(lowering, node);
  }
}

/** A parameter as it stands, its default values lowered where they are. */
function lowerParts(lowering: Lowering, node: ts.Node): Code {
  return lowering.copy(node, (child) => {
    const isPart =
      syntax.isBindingElement(child) ||
      syntax.isObjectBindingPattern(child) ||
      syntax.isArrayBindingPattern(child) ||
      syntax.isComputedPropertyName(child);
    if (isPart) return lowerParts(lowering, child);
    const isValue = syntax.isExpression(child) && !syntax.isTypeNode(child);
    return isValue ? lowerInitializer(lowering, child) : lowering.visit(child);
  });
}

/** Whether default values and patterns of a function can stand in its body, where they see the same as before it. */
function canGiveAll(lowering: Lowering, node: ts.Node): boolean {
  if (!isFunction(node)) return false;
  const { parameters } = node;
  const withDefault = parameters.filter(({ name, initializer }) => initializer || !syntax.isIdentifier(name));
  if (withDefault.length === 0 || ('asteriskToken' in node && node.asteriskToken)) return false;
  if (parameters.some((one) => syntax.isParameterPropertyDeclaration(one, node))) return false;
  if (withDefault.some(({ name }) => holdsKey(name) || isSeen(name))) return false;
  const inner = lowering.scopes.declaredIn(node).filter(({ kind }) => kind !== 'parameter');
  const names = new Set(inner.map(({ name }) => name));
  const range = { start: parameters.pos, end: parameters.end };
  return !lowering.states.within(range).some(({ binding }) => binding.scope === node && names.has(binding.name));
}
