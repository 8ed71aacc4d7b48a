import { existsSync } from 'node:fs';
import { basename, relative, resolve, sep } from 'node:path';
import {
  Node,
  Project,
  type PropertyAssignment,
  type ShorthandPropertyAssignment,
  type SourceFile,
  ts,
} from 'ts-morph';
import { UsageError } from './usage-error.ts';

/** An intervention that a file exports. */
export interface Found {
  /** The name of the bundle: that of the export, or the file's for a default export. */
  readonly name: string;
  readonly exported: string;
  /** Absolute. */
  readonly file: string;
  /** Where it is declared; the file as seen from the working directory. */
  readonly source: { readonly file: string; readonly line: number; readonly column: number };
}

/** The tsconfig.json that the files are compiled by. */
export function configOf(tsconfig: string | undefined): string | undefined {
  return tsconfig ?? ts.findConfigFile(process.cwd(), ts.sys.fileExists);
}

/** The user's project, or the named files. Throws a UsageError if there are none. */
export function openProject(patterns: readonly string[], tsconfig: string | undefined): Project {
  if (tsconfig !== undefined && !existsSync(tsconfig)) throw new UsageError(`There is no ${tsconfig}.`);
  const config = configOf(tsconfig);
  if (config === undefined && patterns.length === 0) {
    throw new UsageError(
      'There is no tsconfig.json here. Name the files: onnsight compile src/steer.ts --model model.onnx',
    );
  }
  const project = new Project({
    ...(config !== undefined && { tsConfigFilePath: config }),
    compilerOptions: {
      // a file that is named may be JavaScript, whatever the project compiles
      ...(patterns.length > 0 && { allowJs: true }),
      ...(config === undefined && {
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
      }),
    },
    skipAddingFilesFromTsConfig: patterns.length > 0,
  });
  for (const pattern of patterns) {
    if (project.addSourceFilesAtPaths(pattern).length === 0) throw new UsageError(`No file matches ${pattern}.`);
  }
  return project;
}

/** The interventions that files export. Throws a UsageError if two have one name, or one has none that a loader can export. */
export function findInterventions(project: Project): Found[] {
  const files = programsOf(project);
  // the exports of a CommonJS file are known when a checker has seen it
  project.getProgram().compilerObject.getTypeChecker();
  const found = files.flatMap((file) => interventionsOf(file));
  const byName = new Map<string, Found>();
  for (const one of found) {
    const other = byName.get(one.name);
    if (other) {
      throw new UsageError(
        `Two interventions are called '${one.name}': ${place(other)} and ${place(one)}. Each bundle has a folder of its name: rename one.`,
      );
    }
    byName.set(one.name, one);
    checkName(one);
  }
  return found;
}

/** The loader of a bundle exports it by its name. */
function checkName(found: Found): void {
  const { name, exported } = found;
  if (canBeVariable(name)) return;
  const remedy = exported === 'default' ? 'Rename the file, or export it by a name' : 'Export it by another';
  throw new UsageError(
    `${place(found)} - The bundle would be called '${name}', which no variable of JavaScript can be. ${remedy}.`,
  );
}

/** Whether an ES module can have a variable of this name. */
function canBeVariable(name: string): boolean {
  const scanner = ts.createScanner(ts.ScriptTarget.ESNext, false, ts.LanguageVariant.Standard, name);
  const kind = scanner.scan();
  // the keywords behind the reserved ones are names elsewhere: type, of, get
  const { Identifier, LastFutureReservedWord, LastKeyword, AwaitKeyword } = ts.SyntaxKind;
  const isFree = kind === Identifier || (kind > LastFutureReservedWord && kind <= LastKeyword && kind !== AwaitKeyword);
  return isFree && scanner.getTokenEnd() === name.length && name !== 'arguments' && name !== 'eval';
}

/** The error for files without any. */
export function noIntervention(project: Project, patterns: readonly string[]): UsageError {
  const files = programsOf(project);
  checkHandedOn(files);
  const where = patterns.length > 0 ? patterns.join(', ') : `the ${files.length} files of the project`;
  return new UsageError(
    `No intervention is exported in ${where}. Write: export const steer = intervention({ alpha: 'float32' }, (model, { alpha }) => { … });`,
  );
}

/** @throws UsageError for files that hand on the interventions of others, and have none of their own */
function checkHandedOn(files: readonly SourceFile[]): void {
  for (const file of files) {
    for (const [exported, [declaration]] of file.getExportedDeclarations()) {
      const other = declaration?.getSourceFile();
      if (!declaration || !other || other === file || !isIntervention(declaration)) continue;
      throw new UsageError(
        `${fromHere(file)} hands on '${exported}' of ${fromHere(other)}, where it is declared. Compile that file.`,
      );
    }
  }
}

/** The files of a project that may export interventions, as manifests name them. */
export function programs(project: Project): string[] {
  return programsOf(project).map((file) => fromHere(file));
}

function programsOf(project: Project): SourceFile[] {
  return project.getSourceFiles().filter((file) => !file.isDeclarationFile() && !file.isInNodeModules());
}

function fromHere(file: SourceFile): string {
  return relative(process.cwd(), file.getFilePath()).split(sep).join('/');
}

function interventionsOf(file: SourceFile): Found[] {
  if (!/onnsight|intervention/i.test(file.getFullText())) return [];
  const path = file.getFilePath();
  return [...exportsOf(file)].flatMap(([exported, node]) => {
    // A re-export belongs to the file that declares it.
    if (node.getSourceFile() !== file || !isIntervention(node)) return [];
    const { line, column } = file.getLineAndColumnAtPos(node.getStart());
    const source = { file: fromHere(file), line, column };
    return [{ name: exported === 'default' ? fileName(path) : exported, exported, file: resolve(path), source }];
  });
}

/** What a file exports by its names, also by `module.exports = { steer }` and `export = { steer }`. */
function exportsOf(file: SourceFile): Map<string, Node> {
  const found = new Map<string, Node>();
  for (const statement of file.getStatements()) {
    const value = wholeExport(statement);
    const whole = Node.isIdentifier(value) ? (file.getVariableDeclaration(value.getText()) ?? value) : value;
    const object = whole && initializerOf(whole);
    if (Node.isObjectLiteralExpression(object)) {
      for (const property of object.getProperties()) {
        if (Node.isPropertyAssignment(property)) found.set(nameOf(property), property.getInitializerOrThrow());
        else if (Node.isShorthandPropertyAssignment(property)) {
          found.set(nameOf(property), file.getVariableDeclaration(property.getName()) ?? property.getNameNode());
        }
      }
    } else if (whole) found.set('default', whole);
  }
  for (const [name, [node]] of file.getExportedDeclarations()) if (node) found.set(name, node);
  return found;
}

/** What a CommonJS file exports in one piece. */
function wholeExport(statement: Node): Node | undefined {
  if (Node.isExportAssignment(statement)) return statement.isExportEquals() ? statement.getExpression() : undefined;
  const assigned = Node.isExpressionStatement(statement) ? statement.getExpression() : undefined;
  if (!Node.isBinaryExpression(assigned) || assigned.getOperatorToken().getText() !== '=') return undefined;
  return /^module\s*\.\s*exports$/.test(assigned.getLeft().getText()) ? assigned.getRight() : undefined;
}

function nameOf(property: PropertyAssignment | ShorthandPropertyAssignment): string {
  return property.getSymbolOrThrow().getName();
}

/** By its type, so that the result of a factory is found too; by its text if types cannot be resolved. */
function isIntervention(declaration: Node): boolean {
  if (declaration.getType().getSymbol()?.getName() === 'Intervention') return !Node.isInterfaceDeclaration(declaration);
  const value = initializerOf(declaration);
  return Node.isCallExpression(value) && /(^|\.)intervention$/.test(value.getExpression().getText());
}

/** `export const steer = value`, `exports.steer = value`, `export default value` */
function initializerOf(declaration: Node): Node | undefined {
  if (Node.isVariableDeclaration(declaration)) return declaration.getInitializer();
  const parent = declaration.getParent();
  return Node.isBinaryExpression(parent) && parent.getLeft() === declaration ? parent.getRight() : declaration;
}

/** `src/my-steer.ts` → `mySteer` */
function fileName(path: string): string {
  return basename(path)
    .replace(/\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string | undefined) => next?.toUpperCase() ?? '')
    .replace(/^(?=\d)/, '_');
}

export function place({ source }: Found): string {
  return `${source.file}:${source.line}:${source.column}`;
}
