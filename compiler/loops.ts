import type { ts } from 'ts-morph';
import { capturedHeaderVariables } from './captures.ts';
import { lowerClosure } from './closures.ts';
import { arrow, type Code, operator } from './code.ts';
import { assignment, declared, isVar, lowerVariables, namesOf } from './declarations.ts';
import { takenOf } from './items.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';
import { placeOf } from './places.ts';
import { unwrap } from './wrappers.ts';

/** `for (const x of xs) { … }` → `forOf(xs, (x) => { … })`; `for (const k in o)` goes through `keysIn(o)`. */
export function lowerForOf(lowering: Lowering, node: ts.ForInOrOfStatement, labels: readonly string[]): Code {
  const { initializer, expression, statement } = node;
  const at = lowering.start(node);
  const { parameter, before, isNested } = itemOf(lowering, node);
  const front = [before, lowering.shared.declareFor(node)];
  const body = lowerClosure(lowering, statement, { around: [{ kind: 'loop', labels }], before: front, isNested });
  const items = lowering.argument(expression);
  const source = syntax.isForInStatement(node) ? operator('keysIn', at, [items, lowering.sites.at(at)]) : items;
  return operator('forOf', at, [
    [lowering.trivia(initializer.end, lowering.start(expression)), source],
    [lowering.trivia(expression.end, lowering.start(statement)), arrow(parameter, lowering.start(statement)), body],
    lowering.states.of({ start: at, end: node.end }, node.parent),
    lowering.sites.at(at),
    ...labelOf(labels),
  ]);
}

interface Item {
  readonly parameter: string;
  /** Code that must run first in the body. */
  readonly before: Code;
  readonly isNested: boolean;
}

/** The head of a `for…of` or `for…in`, as the parameter of its body. */
function itemOf(lowering: Lowering, node: ts.ForInOrOfStatement): Item {
  const { initializer, statement } = node;
  const item = lowering.frame.fresh('i');
  if (!syntax.isVariableDeclarationList(initializer)) {
    const isPattern = syntax.isArrayLiteralExpression(initializer) || syntax.isObjectLiteralExpression(initializer);
    const assigned = isPattern
      ? [
          '(',
          lowering.notesOf(initializer),
          lowering.visit(initializer),
          ' = ',
          takenOf(lowering, initializer, item),
          ')',
        ]
      : placeOf(lowering, unwrap(initializer)).assign('first', item);
    return { parameter: item, before: [' ', assigned, ';'], isNested: false };
  }
  const { name } = initializer.declarations[0]!;
  const value = syntax.isIdentifier(name) ? item : takenOf(lowering, name, item);
  const names = namesOf(initializer);
  if (isVar(initializer)) {
    for (const one of names) lowering.frame.variables.add(one);
    return { parameter: item, before: [' ', assignment(lowering, name, value), ';'], isNested: false };
  }
  const isNested = lowering.scopes.declaredIn(statement).some((binding) => names.includes(binding.name));
  if (syntax.isIdentifier(name) && !isNested) return { parameter: name.text, before: '', isNested };
  const keyword = initializer.flags & syntax.NodeFlags.Const ? 'const' : 'let';
  return { parameter: item, before: [` ${keyword} `, declared(lowering, name, [' = ', value]), ';'], isNested };
}

/** `while (c) { … }` → `while_(() => c, () => { … }, null)` */
export function lowerWhile(lowering: Lowering, node: ts.WhileStatement, labels: readonly string[]): Code {
  const { expression, statement } = node;
  const at = lowering.start(node);
  return operator('while_', at, [
    [lowering.thunk(expression), lowering.trivia(expression.end, lowering.start(statement))],
    [arrow('', lowering.start(statement)), lowerClosure(lowering, statement, { around: [{ kind: 'loop', labels }] })],
    'null',
    lowering.states.of({ start: at, end: node.end }, node),
    lowering.sites.at(at),
    ...labelOf(labels),
  ]);
}

/** `do { … } while (c)` → `doWhile(() => { … }, () => c)` */
export function lowerDo(lowering: Lowering, node: ts.DoStatement, labels: readonly string[]): Code {
  const { expression, statement } = node;
  const at = lowering.start(node);
  return operator('doWhile', at, [
    [arrow(), lowerClosure(lowering, statement, { around: [{ kind: 'loop', labels }] })],
    [lowering.trivia(statement.end, lowering.start(expression)), lowering.thunk(expression)],
    lowering.states.of({ start: at, end: node.end }, node),
    lowering.sites.at(at),
    ...labelOf(labels),
  ]);
}

/** The parts of a `for (;;)`: its head, to be run first in the same block, and its loop. */
export interface LoweredFor {
  readonly initializer: Code | null;
  readonly loop: Code;
}

/** `for (let i = 0; c; i++) { … }` → `let i = 0; while_(() => c, () => { … }, () => { i = increment(i, 1); })` */
export function lowerFor(lowering: Lowering, node: ts.ForStatement, labels: readonly string[]): LoweredFor {
  const { initializer, condition, incrementor, statement } = node;
  const at = lowering.start(node);
  const body = lowerClosure(lowering, statement, { around: [{ kind: 'loop', labels }] });
  const bodyStart = lowering.start(statement);
  // `for (;;)` must read `() => true`: that is how the runtime knows an endless loop.
  const test = condition
    ? [lowering.thunk(condition), lowering.trivia(condition.end, incrementor ? lowering.start(incrementor) : bodyStart)]
    : '() => true';
  const loop = operator('while_', at, [
    test,
    [arrow('', bodyStart), perIteration(lowering, node, body)],
    incrementor ? [arrow(), '{ ', lowering.visit(incrementor), '; }'] : 'null',
    lowering.states.of({ start: initializer?.end ?? at, end: node.end }, node),
    lowering.sites.at(at),
    ...labelOf(labels),
  ]);
  if (!initializer) return { initializer: null, loop };
  const isDeclaration = syntax.isVariableDeclarationList(initializer);
  return { initializer: isDeclaration ? lowerVariables(lowering, initializer) : lowering.visit(initializer), loop };
}

/** Functions that a body makes keep the variables of their own iteration: the body gets copies, and copies them back. */
function perIteration(lowering: Lowering, node: ts.ForStatement, body: Code): Code {
  const names = capturedHeaderVariables(lowering, node, node.statement);
  if (names.length === 0) return body;
  const { frame, shared } = lowering;
  const copies = names.map((name) => [name, frame.fresh('p')] as const);
  const end = frame.fresh('c');
  const enter = copies.map(([name, copy]) => `${copy} = ${name}`).join(', ');
  const open = copies.map(([name, copy]) => `${name} = ${copy}`).join(', ');
  const close = copies.map(([name, copy]) => `${copy} = ${name};`).join(' ');
  const own = lowering.scopes.declaredIn(node);
  const notes = (name: string) =>
    shared.notes(
      own.filter((binding) => binding.name === name),
      node,
      () => lowering.siteOf(node),
    );
  const leave = copies.map(([name, copy]) => `${notes(name)}${name} = ${copy};`).join(' ');
  const slots = shared.declareFor(node);
  return [
    `{ let ${enter}, ${end}; { let ${open};${slots} ${end} = (() => `,
    body,
    `)(); ${close} } ${leave} return ${end}; }`,
  ];
}

function labelOf(labels: readonly string[]): readonly Code[] {
  return labels[0] === undefined ? [] : [`'${labels[0]}'`];
}
