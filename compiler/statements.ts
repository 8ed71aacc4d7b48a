import type { ts } from 'ts-morph';
import { lowerNativeTry, lowerTry } from './attempts.ts';
import { lowerClosure, lowerNativeBody } from './closures.ts';
import { arrow, type Code } from './code.ts';
import { lowerIf, lowerNativeIf } from './conditionals.ts';
import { lowerDeclared } from './declarations.ts';
import { lowerJump, lowerReturn, lowerThrow } from './jumps.ts';
import { lowerDo, lowerFor, lowerForOf, lowerWhile } from './loops.ts';
import type { Lowering } from './lowering.ts';
import { lowerNativeLoop, lowerNativeSwitch } from './native-loops.ts';
import { syntax } from './parse.ts';
import { ended } from './semicolons.ts';
import { lowerSwitch } from './switches.ts';
import { type Treatment, unlabelled } from './treatments.ts';

/** A statement of a list; it ends in a semicolon, whatever follows. */
export function lowerStatement(lowering: Lowering, node: ts.Statement, treatment: Treatment): Code {
  const { statement, labels } = unlabelled(node);
  if (treatment.kind === 'native') {
    if (syntax.isIfStatement(statement)) {
      return labelled(lowering, labels, () => lowerNativeIf(lowering, statement, treatment.reason));
    }
    if (syntax.isIterationStatement(statement, false)) {
      return lowerNativeLoop(lowering, statement, labels, treatment.reason);
    }
  }
  if (treatment.kind === 'call') {
    if (!syntax.isForStatement(statement)) return [lowerCompletion(lowering, node), ';'];
    const { initializer, loop } = lowerFor(lowering, statement, labels);
    return initializer === null ? [loop, ';'] : ['{ ', initializer, '; ', loop, '; }'];
  }
  return labelled(lowering, labels, () => lowerOther(lowering, statement));
}

/** A statement as an expression: the completion it ends in. */
export function lowerCompletion(lowering: Lowering, node: ts.Statement): Code {
  const { statement, labels } = unlabelled(node);
  if (syntax.isForOfStatement(statement) || syntax.isForInStatement(statement))
    return lowerForOf(lowering, statement, labels);
  if (syntax.isWhileStatement(statement)) return lowerWhile(lowering, statement, labels);
  if (syntax.isDoStatement(statement)) return lowerDo(lowering, statement, labels);
  if (syntax.isForStatement(statement)) {
    // The head's variables must not be seen by the continuation.
    return lowering.frame.around([{ kind: 'closure' }], () => {
      const { initializer, loop } = lowerFor(lowering, statement, labels);
      return initializer === null ? loop : ['(', arrow(), '{ ', initializer, '; return ', loop, '; })()'];
    });
  }
  if (labels.length === 0) return lowerUnlabelled(lowering, statement);
  const completion = lowering.frame.around([{ kind: 'labelled', labels }], () => lowerUnlabelled(lowering, statement));
  return ['__o.labelled(', completion, `, '${labels[0]}')`];
}

function lowerUnlabelled(lowering: Lowering, node: ts.Statement): Code {
  if (syntax.isIfStatement(node)) return lowerIf(lowering, node);
  if (syntax.isSwitchStatement(node)) return lowerSwitch(lowering, node);
  if (syntax.isTryStatement(node)) return lowerTry(lowering, node);
  return ['(', arrow(), lowerClosure(lowering, node), ')()'];
}

function labelled(lowering: Lowering, labels: readonly string[], inner: () => Code): Code {
  if (labels.length === 0) return inner();
  return [labels.map((label) => `${label}: `), lowering.frame.around([{ kind: 'labelled', labels }], inner)];
}

function lowerOther(lowering: Lowering, node: ts.Statement): Code {
  if (syntax.isBlock(node)) return lowerNativeBody(lowering, node);
  if (syntax.isFunctionDeclaration(node) || syntax.isClassDeclaration(node)) return lowerDeclared(lowering, node);
  if (syntax.isReturnStatement(node)) return lowerReturn(lowering, node);
  if (syntax.isBreakOrContinueStatement(node)) return lowerJump(lowering, node);
  if (syntax.isThrowStatement(node)) return ended(lowering, node, lowerThrow(lowering, node));
  if (syntax.isSwitchStatement(node)) return lowerNativeSwitch(lowering, node);
  if (syntax.isTryStatement(node)) return lowerNativeTry(lowering, node);
  if (syntax.isWithStatement(node)) lowering.refuse('with', node);
  if (syntax.isVariableStatement(node)) return ended(lowering, node, lowering.copy(node));
  const isOpen = syntax.isExpressionStatement(node) || syntax.isDebuggerStatement(node);
  return isOpen ? ended(lowering, node, lowering.copy(node)) : lowering.visit(node);
}
