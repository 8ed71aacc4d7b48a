import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import { isStatic, keyText } from './directives.ts';
import { lowerInitializer } from './initializers.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** A class: it and its methods are marked when it is defined. */
export function lowerClass(lowering: Lowering, node: ts.ClassLikeDeclaration): Code {
  const marks = [...classMark(lowering, node), ...(lowering.traced.methods.get(node) ?? [])];
  const all = [...marks.map((one) => `__o.mark(${one});`), ...accessorMarks(lowering, node)];
  const block = all.length > 0 ? ` static { ${all.join(' ')} }` : '';
  return lowering.copy(node, (child) => lowerMember(lowering, child), { at: node.members.pos, code: block });
}

/** `this`, and whether the constructor may give another object than the one that is made. */
function classMark(lowering: Lowering, node: ts.ClassLikeDeclaration): readonly string[] {
  if (!lowering.traced.classes.has(node)) return [];
  const returns = node.members.some((member) => syntax.isConstructorDeclaration(member) && holdsReturn(member));
  return [returns ? 'this, true' : 'this'];
}

/** Getters and setters that are lowered. Those with private names are read by lowered code alone. */
function accessorMarks(lowering: Lowering, node: ts.ClassLikeDeclaration): readonly string[] {
  const accessors = node.members.filter(syntax.isAccessor).filter((one) => lowering.traced.functions.has(one));
  return [true, false].flatMap((isOfClass) => {
    const own = accessors.filter((one) => isStatic(one) === isOfClass).flatMap(({ name }) => keyText(name) ?? []);
    return own.length === 0 ? [] : [`__o.accessors(this${isOfClass ? '' : '.prototype'}, [${own.join(', ')}]);`];
  });
}

/** A field's initializer runs in a function of its own. */
function lowerMember(lowering: Lowering, node: ts.Node): Code {
  if (!syntax.isPropertyDeclaration(node)) return lowering.visit(node);
  const isLowered = lowering.fn || (lowering.traced.classes.has(node.parent) && !isStatic(node));
  if (!isLowered) return lowering.visit(node);
  const { initializer } = node;
  return lowering.copy(node, (child) =>
    initializer && child === initializer ? lowerInitializer(lowering, initializer) : lowering.visit(child),
  );
}

/** Whether a function gives a value by `return`. */
function holdsReturn(node: ts.Node): boolean {
  if (syntax.isReturnStatement(node)) return node.expression !== undefined;
  const found = syntax.forEachChild(
    node,
    (child) => (!syntax.isFunctionLike(child) && holdsReturn(child)) || undefined,
  );
  return found === true;
}
