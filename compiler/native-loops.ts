import type { ts } from 'ts-morph';
import { lowerNativeBody } from './closures.ts';
import { type Code, span } from './code.ts';
import { plain } from './conditionals.ts';
import { isVar } from './declarations.ts';
import type { Lowering } from './lowering.ts';
import { syntax } from './parse.ts';

/** A loop that cannot become a call: the values that it depends on must be plain. */
export function lowerNativeLoop(
  lowering: Lowering,
  node: ts.IterationStatement,
  labels: readonly string[],
  reason: string,
): Code {
  const guarded = conditionOf(node);
  const body = (): Code =>
    lowering.frame.around([{ kind: 'loop', labels }], () => lowerNativeBody(lowering, node.statement));
  const code = lowering.copy(node, (child) => {
    if (child === node.statement) return body();
    return child === guarded ? plain(lowering, guarded, reason) : lowering.visit(child);
  });
  const isOpen = syntax.isDoStatement(node) && lowering.text[node.end - 1] !== ';';
  return [notesOfHead(lowering, node), labels.map((label) => `${label}: `), code, isOpen ? ';' : ''];
}

/** `for (x in o)` assigns without an expression that could tell: `note(x); for (x in o)`. */
function notesOfHead(lowering: Lowering, node: ts.IterationStatement): Code {
  if (!syntax.isForInStatement(node) && !syntax.isForOfStatement(node)) return '';
  const { initializer } = node;
  const isDeclared = syntax.isVariableDeclarationList(initializer) && !isVar(initializer);
  const notes = isDeclared ? '' : lowering.notesOf(initializer);
  return notes === '' ? '' : `${notes.slice(0, -2)}; `;
}

/** A `switch` around `await` compares while building; `break` in its clauses stays native. */
export function lowerNativeSwitch(lowering: Lowering, node: ts.SwitchStatement): Code {
  const { expression, caseBlock } = node;
  return [
    span(lowering.start(node), lowering.start(expression)),
    plain(lowering, expression, 'switch'),
    span(expression.end, lowering.start(caseBlock)),
    lowering.frame.around([{ kind: 'switch' }], () => lowering.visit(caseBlock)),
  ];
}

function conditionOf(node: ts.IterationStatement): ts.Expression | undefined {
  if (syntax.isForStatement(node)) return node.condition;
  return (node as ts.ForOfStatement | ts.ForInStatement | ts.WhileStatement | ts.DoStatement).expression;
}
