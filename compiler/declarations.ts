import type { ts } from 'ts-morph';
import { type Code, joined, span } from './code.ts';
import { canGive, guardsOf, withoutDefaults } from './defaults.ts';
import { partsOf } from './items.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import type { Binding } from './scope.ts';

/** A declaration; one that moved to the front leaves its assignments: `var x = 1` in a closure → `x = 1`. */
export function lowerVariables(lowering: Lowering, node: ts.VariableDeclarationList): Code {
  if (isVar(node) && lowering.frame.isInClosure) {
    for (const name of namesOf(node)) lowering.frame.variables.add(name);
    const isHead = syntax.isForInStatement(node.parent) || syntax.isForOfStatement(node.parent);
    return isHead ? lowering.visit(node.declarations[0]!.name) : assignments(lowering, node);
  }
  const isMoved = namesOf(node).some((name) => {
    const binding = lowering.scopes.resolve(name, node);
    return binding !== undefined && lowering.hoisted.has(binding);
  });
  return isMoved ? assignments(lowering, node) : [lowering.copy(node), slotsOf(lowering, node)];
}

/** `const { a = 1 } = o` → `const { a: d } = taken(o), a = given(d, () => 1)` */
export function lowerTakingApart(lowering: Lowering, name: ts.BindingPattern, value: ts.Expression): Code {
  return declared(lowering, name, [span(name.end, lowering.start(value)), partsOf(lowering, name, value)]);
}

/** A declaration of a name or pattern, with what follows it, `= v`; default values are given after it. */
export function declared(lowering: Lowering, name: ts.BindingName, value: Code): Code {
  const fresh = () => lowering.frame.fresh('d');
  if (!canGive(lowering, name)) {
    const guards = guardsOf(lowering, name).map((guard): Code => [`, ${fresh()} = `, guard]);
    return [lowering.visit(name), value, guards];
  }
  const { target, defaults } = withoutDefaults(lowering, name, fresh);
  return [target, value, defaults.map((one): Code => [', ', one])];
}

/** The slots of the variables of a declaration that are shared. Those of the head of a `for…of` belong to its body. */
export function slotsOf(lowering: Lowering, node: ts.VariableDeclarationList): string {
  const isStatement = syntax.isVariableStatement(node.parent) && !syntax.isSourceFile(node.parent.parent);
  const isHead = syntax.isForStatement(node.parent) && lowering.fn !== null;
  if (!isStatement && !isHead) return '';
  const bindings = namesOf(node).map((name) => lowering.scopes.resolve(name, node));
  const parts = lowering.shared.declare(bindings.filter((binding) => binding?.kind === 'let'));
  return parts.map((part) => `, ${part}`).join('');
}

/** A function or class statement; one that moved to the front leaves nothing, or its assignment. */
export function lowerDeclared(lowering: Lowering, node: ts.FunctionDeclaration | ts.ClassDeclaration): Code {
  const binding = node.name && bindingOf(lowering, node.name);
  if (!binding || !lowering.hoisted.has(binding)) return lowering.visit(node);
  return syntax.isFunctionDeclaration(node) ? '' : [`${binding.name} = `, lowering.visit(node), ';'];
}

export function isVar(node: ts.VariableDeclarationList): boolean {
  return (node.flags & syntax.NodeFlags.BlockScoped) === 0;
}

/** All names that a declaration introduces. */
export function namesOf(node: ts.VariableDeclarationList): readonly string[] {
  return node.declarations.flatMap(({ name }) => namesIn(name));
}

/** `name = value`; a pattern needs parentheses, or it would be a block. */
export function assignment(lowering: Lowering, name: ts.BindingName, value: Code): Code {
  if (syntax.isIdentifier(name)) return lowering.noted(name, [lowering.visit(name), ' = ', value]);
  const isGiven = canGive(lowering, name);
  const { target, defaults } = isGiven
    ? withoutDefaults(lowering, name, () => lowering.frame.temporary())
    : { target: lowering.visit(name), defaults: guardsOf(lowering, name) };
  return joined([['(', lowering.notesOf(name), target, ' = ', value, ')'], ...defaults]);
}

function namesIn(name: ts.BindingName): readonly string[] {
  if (syntax.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (syntax.isBindingElement(element) ? namesIn(element.name) : []));
}

function assignments(lowering: Lowering, node: ts.VariableDeclarationList): Code {
  const parts: Code[] = [];
  let end = lowering.start(node);
  for (const { name, initializer, end: next } of node.declarations) {
    if (initializer) {
      const gap = lowering.trivia(end, lowering.start(name));
      parts.push([parts.length > 0 ? ', ' : '', gap, assignment(lowering, name, taken(lowering, name, initializer))]);
    }
    end = next;
  }
  return parts;
}

function taken(lowering: Lowering, name: ts.BindingName, value: ts.Expression): Code {
  return syntax.isIdentifier(name) ? lowering.argument(value) : partsOf(lowering, name, value);
}

function bindingOf(lowering: Lowering, name: ts.Identifier): Binding | undefined {
  // From the parent on: a class's own scope may contain its name too.
  return lowering.scopes.resolve(name.text, name.parent.parent);
}
