import type { ts } from 'ts-morph';
import { arrow, type Code } from './code.ts';
import type { Lowering } from './lowering.ts';

/** An initializer that runs outside of a function's body: temporaries get a function of their own. */
export function lowerInitializer(lowering: Lowering, node: ts.Expression): Code {
  const frame = lowering.newFrame(false);
  const value = lowering.inFunction(frame, () => lowering.visit(node));
  const declarations = frame.declarations();
  return declarations === '' ? value : ['(', arrow(), `{${declarations} return `, value, '; })()'];
}
