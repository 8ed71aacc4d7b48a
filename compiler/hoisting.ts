import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import { namesOf } from './declarations.ts';
import type { Lowering } from './lowering.ts';
import type { Mark } from './marks.ts';
import { syntax } from './parse.ts';
import type { Binding } from './scope.ts';

/** A range of the source that becomes a function of its own. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/**
 * What a part of a list or switch declares is seen only there. Declarations which other parts mention move to the front
 * of the whole: functions as they are, variables and classes as `let`, assigned where they stood.
 *
 * @param parts what each part can see; the first stays where it is
 * @param owner the node that holds the statements
 * @param marked of the functions that are marked at the front
 */
export function hoist(
  lowering: Lowering,
  owner: ts.Node,
  [first, ...parts]: readonly Stretch[],
  marked: readonly Mark[],
): Code {
  const marks = marked.map(({ code }) => ` ${code}`);
  if (!first || parts.length === 0) return marks;
  const all = { from: first.from, to: parts.at(-1)!.to };
  const late = lateBindings(lowering, owner, parts);
  const moved = new Set<Binding>();
  const move = (binding: Binding): void => {
    if (moved.has(binding)) return;
    moved.add(binding);
    // What is declared together is assigned together.
    for (const other of declaredWith(lowering, binding)) if (late.has(other)) move(other);
    // A function at the front must find what it mentions.
    if (binding.kind !== 'function' || !binding.value) return;
    for (const mention of lowering.states.within({ start: binding.value.getStart(), end: binding.value.end })) {
      if (late.has(mention.binding)) move(mention.binding);
    }
  };
  const outside = new Set<Binding>();
  for (const { binding, position, node } of lowering.states.within({ start: all.from, end: all.to })) {
    const part = late.get(binding);
    if (part && position < binding.position && binding.kind !== 'function' && isRunWith(node, owner)) {
      lowering.refuse('unborn', node);
    }
    if (part && (position < part.from || position >= part.to)) outside.add(binding);
  }
  for (const binding of late.keys())
    if (outside.has(binding) || marked.some(({ name }) => name === binding.name)) move(binding);
  return [declare(lowering, moved), marks];
}

/** The bindings that parts declare themselves, each with its part. */
function lateBindings(lowering: Lowering, owner: ts.Node, parts: readonly Stretch[]): Map<Binding, Stretch> {
  const found = new Map<Binding, Stretch>();
  for (const binding of lowering.scopes.declaredIn(scopeOf(owner))) {
    const part = parts.findLast(({ from, to }) => binding.position >= from && binding.position < to);
    if (part && binding.kind !== 'var') found.set(binding, part);
  }
  return found;
}

/** Whether a node is run when the statements around it are, not later, when a function is called or an object made. */
function isRunWith(node: ts.Node, owner: ts.Node): boolean {
  let at = node;
  while (at !== owner && !syntax.isFunctionLike(at) && !syntax.isPropertyDeclaration(at)) at = at.parent;
  return at === owner;
}

function scopeOf(owner: ts.Node): ts.Node {
  const { parent } = owner;
  return syntax.isFunctionLike(parent) || syntax.isClassStaticBlockDeclaration(parent) ? parent : owner;
}

/** The names of one declaration: `let a, [b] = c` declares two. */
function declaredWith(lowering: Lowering, { declaration }: Binding): readonly Binding[] {
  let at = declaration.parent;
  while (syntax.isBindingElement(at) || syntax.isBindingName(at)) at = at.parent;
  const list = at.parent;
  if (!syntax.isVariableDeclarationList(list)) return [];
  return namesOf(list).flatMap((name) => lowering.scopes.resolve(name, list) ?? []);
}

function declare(lowering: Lowering, moved: ReadonlySet<Binding>): Code {
  for (const binding of moved) lowering.hoisted.add(binding);
  const all = [...moved];
  const variables = all.filter(({ kind }) => kind !== 'function').map(({ name }) => name);
  const functions = all.flatMap(({ kind, value }) => (kind === 'function' && value ? [value] : []));
  const declared = variables.length > 0 ? ` let ${[...variables, ...lowering.shared.declare(all)].join(', ')};` : '';
  return [declared, ...functions.map((fn): Code => [' ', lowering.visit(fn)])];
}
