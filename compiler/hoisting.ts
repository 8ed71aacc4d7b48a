import type { ts } from 'ts-morph';
import type { Code } from './code.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import type { Plan } from './plan.ts';
import type { Binding } from './scope.ts';

/**
 * What a continuation declares is seen only there. Declarations which the statements before it mention (in functions)
 * move to the front of the list: functions whole, variables and classes as `let`, assigned where they stood.
 */
export function hoistOutOfRests(
  lowering: Lowering,
  statements: readonly ts.Statement[],
  plans: readonly Plan[],
  owner: ts.Node,
): Code {
  const firstCut = plans.findIndex(({ kind }) => kind === 'cut');
  if (firstCut < 0) return '';
  const late = lateBindings(lowering, statements, plans, firstCut, owner);
  const marked = new Set(lowering.traced.marks.get(owner) ?? []);
  const moved = new Set<Binding>();
  const move = (binding: Binding): void => {
    if (moved.has(binding)) return;
    moved.add(binding);
    // A function at the front must find what it mentions.
    if (binding.kind !== 'function' || !binding.value) return;
    for (const mention of lowering.states.within({ start: binding.value.getStart(), end: binding.value.end })) {
      if (late.has(mention.binding)) move(mention.binding);
    }
  };
  const listStart = lowering.start(statements[0]!);
  for (const [binding, segmentStart] of late) {
    const isNeeded = lowering.states
      .within({ start: listStart, end: segmentStart })
      .some((mention) => mention.binding === binding);
    if (isNeeded || marked.has(binding.name)) move(binding);
  }
  return declare(lowering, moved);
}

/** The bindings that continuations declare themselves, each with the start of its continuation. */
function lateBindings(
  lowering: Lowering,
  statements: readonly ts.Statement[],
  plans: readonly Plan[],
  firstCut: number,
  owner: ts.Node,
): Map<Binding, number> {
  const scope =
    syntax.isFunctionLike(owner.parent) || syntax.isClassStaticBlockDeclaration(owner.parent) ? owner.parent : owner;
  const found = new Map<Binding, number>();
  const own = lowering.scopes.declaredIn(scope);
  let segmentStart = 0;
  for (let index = firstCut; index < statements.length; index++) {
    const statement = statements[index]!;
    for (const binding of own) {
      const isHere = binding.position >= statement.pos && binding.position < statement.end;
      if (isHere && index > firstCut && binding.kind !== 'var') found.set(binding, segmentStart);
    }
    if (plans[index]!.kind === 'cut') segmentStart = statement.end;
  }
  return found;
}

function declare(lowering: Lowering, moved: ReadonlySet<Binding>): Code {
  for (const binding of moved) lowering.hoisted.add(binding);
  const all = [...moved];
  const variables = all.filter(({ kind }) => kind !== 'function').map(({ name }) => name);
  const functions = all.flatMap(({ kind, value }) => (kind === 'function' && value ? [value] : []));
  const declared = variables.length > 0 ? ` let ${[...variables, ...lowering.shared.declare(all)].join(', ')};` : '';
  return [declared, ...functions.map((fn): Code => [' ', lowering.visit(fn)])];
}
