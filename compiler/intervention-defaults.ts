import type { ts } from 'ts-morph';
import { CompileError } from './diagnostics.ts';
import { syntax } from './parse.ts';

/**
 * Refuses `intervention({ alpha: 'float32' }, (model, { alpha = 1 }) => …)`: a caller may only leave out what has its
 * default in the declaration, so that this one would never be taken. Blocks of other calls have no second parameter.
 */
export function checkParameterDefaults(call: ts.CallExpression, fn: ts.FunctionLikeDeclaration, file: string): void {
  const pattern = fn.parameters[1]?.name;
  if (!pattern || !syntax.isObjectBindingPattern(pattern)) return;
  for (const element of pattern.elements) {
    const { name, propertyName, initializer } = element;
    if (!initializer) continue;
    const parameter = (propertyName ?? name).getText();
    const declared = `${parameter}: { type: ${typeOf(call, parameter)}, default: ${initializer.getText()} }`;
    throw new CompileError('default', element, file, `Declare it with the parameter: { ${declared} }.`);
  }
}

/** The type with which a parameter is declared, as it is written. */
function typeOf({ arguments: [declared] }: ts.CallExpression, parameter: string): string {
  if (!declared || !syntax.isObjectLiteralExpression(declared)) return "'float32'";
  const found = declared.properties.find((one) => one.name?.getText() === parameter);
  return found && syntax.isPropertyAssignment(found) && syntax.isStringLiteral(found.initializer)
    ? found.initializer.getText()
    : "'float32'";
}
