import { ts } from '@ts-morph/common';
import MagicString from 'magic-string';
import type { SourceMapJson } from './source-maps.ts';

/** A name that is used, and whether metadata does. */
type Use = { readonly name: ts.Identifier; readonly isMetadata: boolean };

/**
 * Under `emitDecoratorMetadata` a file on its own does not tell whether an imported type is a class. TypeScript keeps
 * the import, and asks whether there is anything: `typeof (_a = typeof Options !== "undefined" && Options) === …`. As
 * Node would refuse to import an interface, names that only metadata asks for are taken from the module's namespace.
 *
 * @returns null if there are none
 */
export function throughNamespaces(code: string): { code: string; map: SourceMapJson } | null {
  const source = ts.createSourceFile('emitted.js', code, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const uses = usesIn(source);
  const output = new MagicString(code);
  for (const [i, statement] of source.statements.entries()) {
    if (!ts.isImportDeclaration(statement)) continue;
    const named = statement.importClause?.namedBindings;
    if (!named || !ts.isNamedImports(named)) continue;
    const asked = named.elements.filter(({ name }) => {
      const own = uses.filter((use) => use.name.text === name.text);
      return own.length > 0 && own.every(({ isMetadata }) => isMetadata);
    });
    if (asked.length === 0) continue;
    let namespace = `__m${i}`;
    while (code.includes(namespace)) namespace += '_';
    const kept = named.elements.filter((one) => !asked.includes(one)).map((one) => one.getText());
    output.overwrite(named.getStart(), named.end, `{ ${kept.join(', ')} }`);
    output.appendLeft(statement.end, ` import * as ${namespace} from ${statement.moduleSpecifier.getText()};`);
    for (const { name, propertyName } of asked) {
      const member = `${namespace}.${(propertyName ?? name).text}`;
      for (const use of uses)
        if (use.name.text === name.text) output.overwrite(use.name.getStart(), use.name.end, member);
    }
  }
  if (!output.hasChanged()) return null;
  const map = output.generateMap({ hires: 'boundary', source: '0', file: 'emitted.js' });
  return { code: output.toString(), map: JSON.parse(map.toString()) };
}

/** The names that a file uses as values, outside of its imports. */
function usesIn(source: ts.SourceFile): Use[] {
  const found: Use[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isIdentifier(node) && !isMember(node)) found.push({ name: node, isMetadata: isMetadata(node) });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isMember(node: ts.Identifier): boolean {
  return ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
}

/** Whether a name stands in `typeof N !== "undefined" && N`. */
function isMetadata({ text, parent }: ts.Identifier): boolean {
  const test = ts.isTypeOfExpression(parent) ? parent.parent.parent : parent;
  return test.getText() === `typeof ${text} !== "undefined" && ${text}`;
}
