import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import { lowerInitializer } from './functions.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** A class: methods that carry the directive are marked when it is defined. */
export function lowerClass(lowering: Lowering, node: ts.ClassLikeDeclaration): Code {
  const marked = lowering.traced.methods.get(node);
  const block = marked ? ` static { ${marked.map((method) => `__o.mark(${method});`).join(' ')} }` : '';
  return lowering.copy(node, (child) => lowerMember(lowering, child), { at: node.members.pos, code: block });
}

/** A field's initializer runs in a function of its own. */
function lowerMember(lowering: Lowering, node: ts.Node): Code {
  if (!lowering.fn || !syntax.isPropertyDeclaration(node)) return lowering.visit(node);
  const { initializer } = node;
  return lowering.copy(node, (child) =>
    initializer && child === initializer ? lowerInitializer(lowering, initializer) : lowering.visit(child),
  );
}
