import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ExportedDeclarations, Node, Project, type VariableDeclaration } from 'ts-morph';

/** The entry points of the package, with their modules. */
const ENTRIES = {
  onnsight: 'runtime/index.ts',
  'onnsight/analysis': 'runtime/analysis/index.ts',
  'onnsight/plots': 'runtime/plots/index.ts',
  'onnsight/serve': 'server/index.ts',
  'onnsight/bundle': 'runtime/bundle/node.ts',
};

/** Writes a page for each entry point: all that it exports, with signatures and docstrings, by the file that has it. */
export function writeReference(folder: string): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const project = new Project({ tsConfigFilePath: join(root, 'tsconfig.json'), skipAddingFilesFromTsConfig: true });
  mkdirSync(folder, { recursive: true });
  for (const [entry, path] of Object.entries(ENTRIES)) {
    const chapters = new Map<string, string[]>();
    for (const [name, declarations] of project.addSourceFileAtPath(join(root, path)).getExportedDeclarations()) {
      const file = basename(declarations[0]!.getSourceFile().getFilePath(), '.ts');
      const chapter = chapters.get(file) ?? [];
      chapters.set(file, chapter);
      chapter.push(`### ${name}\n\n${declarations.map(described).join('\n\n')}\n`);
    }
    const text = [...chapters].map(([file, entries]) => `## ${file}\n\n${entries.join('\n')}`);
    const page = `# ${entry}\n\nMade from the docstrings, by the file that each is in.\n\n${text.join('\n')}`;
    writeFileSync(join(folder, `${entry.replace('/', '-')}.md`), page);
  }
}

/** The signature of a declaration, and its docstring. */
function described(declaration: ExportedDeclarations): string {
  const documented = Node.isVariableDeclaration(declaration) ? declaration.getVariableStatement() : declaration;
  const docs = Node.isJSDocable(documented) ? documented.getJsDocs() : [];
  const text = docs.map((doc) => escaped(doc.getDescription().trim())).join('\n\n');
  return ['```ts', signature(declaration), '```', '', text].join('\n').trimEnd();
}

function signature(declaration: ExportedDeclarations): string {
  if (Node.isFunctionDeclaration(declaration)) {
    return declaration
      .getText()
      .replace(/\s*\{\n[\s\S]*$/, '')
      .replace(/^export /, '');
  }
  if (Node.isClassDeclaration(declaration)) return classSignature(declaration);
  if (Node.isVariableDeclaration(declaration)) return variableSignature(declaration);
  return declaration.getText().replace(/^export /, '');
}

/** A function that is a constant is shown as the functions it is; another constant by its type. */
function variableSignature(declaration: VariableDeclaration): string {
  const calls = declaration.getType().getCallSignatures();
  if (calls.length === 0) return `const ${declaration.getName()}: ${declaration.getTypeNode()?.getText() ?? '…'}`;
  return calls
    .map((call) => {
      const parameters = call.getParameters().map((parameter) => parameter.getDeclarations()[0]!.getText());
      const written = call.getDeclaration();
      const result = Node.isReturnTyped(written) ? written.getReturnTypeNode()?.getText() : undefined;
      const types = Node.isTypeParametered(written) ? written.getTypeParameters().map((type) => type.getText()) : [];
      const generic = types.length > 0 ? `<${types.join(', ')}>` : '';
      return `function ${declaration.getName()}${generic}(${parameters.join(', ')}): ${result ?? '…'}`;
    })
    .join('\n');
}

/** A class with its public members, without their bodies. */
function classSignature(declaration: Node): string {
  if (!Node.isClassDeclaration(declaration)) return '';
  const members = declaration
    .getMembers()
    .filter((member) => !/^(?:private |#|static #)|^constructor|^\[Symbol/.test(member.getText()))
    .map((member) => {
      const docs = Node.isJSDocable(member) ? member.getJsDocs().map((doc) => `  ${doc.getText()}\n`) : [];
      const text = member
        .getText()
        .replace(/\s*\{\n[\s\S]*$/, '')
        .replace(/ =\s[\s\S]*$/, '');
      return `${docs.join('')}  ${text};`;
    });
  return `class ${declaration.getName()} {\n${members.join('\n')}\n}`;
}

/** Angle brackets and braces are code to the site where they stand in a text. */
function escaped(text: string): string {
  return text.replace(/`[^`]*`|[<{]/g, (found) => (found.startsWith('`') ? found : found === '<' ? '&lt;' : '&#123;'));
}
