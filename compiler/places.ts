import type { ts } from 'ts-morph';
import { type Code, operator, span } from './code.ts';
import { isMember, isSettable, type Member } from './indexing.ts';
import { keyOf } from './keys.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { isPrivate } from './privates.ts';
import { privateTarget } from './targets.ts';

/**
 * A variable or member that is both read and assigned. Its object and key are evaluated once: by whichever of `read`
 * and `assign` is asked for the `first` of the two to run; the other one uses the values `again`.
 */
export interface Place {
  read(turn: Turn): Code;
  assign(turn: Turn, value: Code): Code;
}

type Turn = 'first' | 'again';
type Part = Readonly<Record<Turn, Code>>;

export function placeOf(lowering: Lowering, target: ts.Expression): Place {
  if (!isMember(target)) {
    const name = lowering.verbatim(target);
    return { read: () => name, assign: (_turn, value) => lowering.noted(target, [name, ' = ', value]) };
  }
  if (!isSettable(target)) return nativePlace(lowering, target);
  const at = lowering.start(target);
  const site = lowering.sites.at(at);
  if (syntax.isPropertyAccessExpression(target)) {
    const object = part(lowering, target.expression, isSimple(target.expression));
    const name = target.name.text;
    return {
      read: (turn) =>
        name === 'length' ? operator('length', at, [object[turn], site]) : [...receiver(object[turn]), `.${name}`],
      assign: (turn, value) => setitem(lowering, target, object[turn], `'${name}'`, value),
    };
  }
  const keyNode = keyOf(lowering, target);
  const isSimpleKey = isSimple(keyNode);
  const object = part(lowering, target.expression, isSimpleKey && isSimple(target.expression));
  const key = part(lowering, keyNode, isSimpleKey);
  return {
    read: (turn) => operator('getitem', at, [object[turn], key[turn], site]),
    assign: (turn, value) => setitem(lowering, target, object[turn], key[turn], value),
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
    const object = part(lowering, target.expression);
    return {
      read: (turn) => [...receiver(object[turn]), `.${target.name.text}`],
      assign: (turn, value) => [privateTarget(lowering, target, object[turn]), ' = ', value],
    };
  }
  const key = superKey(lowering, target);
  const read = (turn: Turn): Code => ['super[', key[turn], ']'];
  const touched = (turn: Turn): Code => ['__o.touch(this, ', key[turn], ')'];
  return { read, assign: (turn, value) => ['(', touched(turn), ', ', read('again'), ' = ', value, ')'] };
}

function superKey(lowering: Lowering, target: Member): Part {
  if (syntax.isElementAccessExpression(target)) return part(lowering, keyOf(lowering, target));
  const name = `'${target.name.text}'`;
  return { first: name, again: name };
}

/** An expression as it is evaluated, and how its value is named afterwards. */
export function part(lowering: Lowering, node: ts.Expression, isFree = isSimple(node)): Part {
  if (isFree) {
    const name = span(lowering.start(node), node.end);
    return { first: name, again: name };
  }
  const value = lowering.argument(node);
  const name = lowering.frame.temporary();
  return { first: [`${name} = `, value], again: name };
}

/** What stands before a dot. */
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
