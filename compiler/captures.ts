import type { ts } from 'ts-morph';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** A closure made in the head of a `for` would need that iteration's own variable. */
export function capturesInHeader(lowering: Lowering, node: ts.ForStatement): boolean {
  const { initializer, condition, incrementor } = node;
  return [initializer, condition, incrementor].some(
    (part) => part !== undefined && capturedHeaderVariables(lowering, node, part).length > 0,
  );
}

/** The variables of a `for` head that functions inside `part` mention. */
export function capturedHeaderVariables(lowering: Lowering, node: ts.ForStatement, part: ts.Node): readonly string[] {
  const names = new Set<string>();
  for (const { binding, node: mention } of lowering.states.within({ start: lowering.start(part), end: part.end })) {
    if (binding.scope !== node || binding.kind !== 'let') continue;
    for (let at: ts.Node = mention; at !== node; at = at.parent) {
      if (syntax.isFunctionLike(at) || syntax.isClassLike(at)) names.add(binding.name);
    }
  }
  return [...names];
}
