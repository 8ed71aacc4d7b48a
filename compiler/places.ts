import type { ts } from 'ts-morph';
import { type Code, operator, span } from './code.ts';
import { isMember, isSettable, type Member, readByName } from './indexing.ts';
import { inherited } from './inherited.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isPrivate } from './privates.ts';
import { privateTarget } from './targets.ts';

/**
 * A variable or member that is both read and assigned. Its object and key are evaluated once, by the one of `read`
 * and `assign` that runs `first`; the other one uses the values `again`.
 */
export interface Place {
  read(use: Use): Code;
  assign(use: Use, value: Code): Code;
}

type Use = 'first' | 'again';
type Evaluated = Readonly<Record<Use, Code>>;

export function placeOf(lowering: Lowering, target: ts.Expression): Place {
  if (!isMember(target)) {
    const name = lowering.verbatim(target);
    return { read: () => name, assign: (_use, value) => lowering.noted(target, [name, ' = ', value]) };
  }
  if (!isSettable(target)) return nativePlace(lowering, target);
  if (syntax.isPropertyAccessExpression(target)) {
    const object = evaluated(lowering, target.expression, isSimple(target.expression));
    const name = target.name.text;
    return {
      read: (use) => readByName(lowering, target, object[use]),
      assign: (use, value) => setitem(lowering, target, object[use], `'${name}'`, value),
    };
  }
  const at = lowering.start(target);
  const site = lowering.sites.at(at);
  const keyNode = keyOf(lowering, target);
  const isSimpleKey = isSimple(keyNode);
  const object = evaluated(lowering, target.expression, isSimpleKey && isSimple(target.expression));
  const key = evaluated(lowering, keyNode, isSimpleKey);
  return {
    read: (use) => operator('getitem', at, [object[use], key[use], site]),
    assign: (use, value) => setitem(lowering, target, object[use], key[use], value),
  };
}

/** `setitem(object, key, value)`, on behalf of the member `target`. */
export function setitem(lowering: Lowering, target: Member, object: Code, key: Code, value: Code): Code {
  const at = lowering.start(target);
  return operator('setitem', at, [object, key, value, lowering.sites.at(at)]);
}

/** `this.#x`, `super.x`, `super[k]`: only native code can write them. */
function nativePlace(lowering: Lowering, target: Member): Place {
  if (isPrivate(target)) {
    const object = evaluated(lowering, target.expression);
    return {
      read: (use) => [...receiver(object[use]), `.${target.name.text}`],
      assign: (use, value) => [privateTarget(lowering, target, object[use]), ' = ', value],
    };
  }
  const key = superKey(lowering, target);
  return {
    read: (use) => inherited(lowering, target, 'inherited', key[use]),
    assign: (use, value) => [inherited(lowering, target, 'touch', key[use]), ' = ', value],
  };
}

function superKey(lowering: Lowering, target: Member): Evaluated {
  if (syntax.isElementAccessExpression(target)) return evaluated(lowering, keyOf(lowering, target));
  const name = `'${target.name.text}'`;
  return { first: name, again: name };
}

/** The code that evaluates an expression, and the name of its value afterwards. */
export function evaluated(lowering: Lowering, node: ts.Expression, isFree = isSimple(node)): Evaluated {
  if (isFree) {
    const name = span(lowering.start(node), node.end);
    return { first: name, again: name };
  }
  const value = lowering.argument(node);
  const name = lowering.frame.temporary();
  return { first: [`${name} = `, value], again: name };
}

/** The code before a dot. */
export function receiver(object: Code): readonly Code[] {
  const isName = typeof object === 'string' || 'start' in object;
  return isName ? [object] : ['(', object, ')'];
}

/** Whether evaluating it again gives the same value, and does nothing. */
function isSimple(node: ts.Expression): boolean {
  return (
    syntax.isIdentifier(node) ||
    node.kind === syntax.SyntaxKind.ThisKeyword ||
    syntax.isStringLiteralLike(node) ||
    syntax.isNumericLiteral(node)
  );
}
