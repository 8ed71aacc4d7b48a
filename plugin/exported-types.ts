import { readFileSync } from 'node:fs';
import { ts } from '@ts-morph/common';

/** A text of the same length without the exports of types, and the files that were read to know them. */
export interface WithoutTypes {
  readonly code: string;
  readonly read: readonly string[];
}

type Meaning = 'type' | 'value' | 'unknown';

/**
 * `export { Point } from './types.js'`, where `Point` is an interface, means nothing to JavaScript, and Node would refuse
 * it. A file on its own does not tell, so that the files that it names are read. What it exports of types is blanked.
 */
export function withoutExportedTypes(code: string, file: string, options: ts.CompilerOptions): WithoutTypes {
  const modules = new Modules(options);
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true);
  let text = code;
  const blank = (start: number, end: number) => {
    text = text.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, ' ') + text.slice(end);
  };
  for (const statement of source.statements) {
    if (!ts.isExportDeclaration(statement) || statement.isTypeOnly) continue;
    const { exportClause } = statement;
    if (!exportClause || !ts.isNamedExports(exportClause) || exportClause.elements.length === 0) continue;
    const { elements } = exportClause;
    const types = elements.filter((one) => !one.isTypeOnly && modules.ofExport(source, statement, one) === 'type');
    if (types.length === elements.length) blank(statement.getStart(), statement.end);
    else
      for (const one of types) {
        const next = elements[elements.indexOf(one) + 1];
        blank(one.getStart(), next ? next.getStart() : elements.end);
      }
  }
  return { code: text, read: [...modules.read] };
}

/** What names of modules mean, by their declarations. */
class Modules {
  readonly read = new Set<string>();
  readonly #options: ts.CompilerOptions;
  readonly #sources = new Map<string, ts.SourceFile | null>();

  constructor(options: ts.CompilerOptions) {
    this.#options = { ...options, moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext };
  }

  /** What `a` means in `export { a as b }` or `export { a as b } from 'm'`. */
  ofExport(source: ts.SourceFile, declaration: ts.ExportDeclaration, one: ts.ExportSpecifier, seen = ''): Meaning {
    if (declaration.isTypeOnly || one.isTypeOnly) return 'type';
    const name = (one.propertyName ?? one.name).text;
    const { moduleSpecifier } = declaration;
    return moduleSpecifier ? this.#within(source, moduleSpecifier, name, seen) : this.#local(source, name, seen);
  }

  #within(from: ts.SourceFile, specifier: ts.Expression, name: string, seen: string): Meaning {
    if (!ts.isStringLiteral(specifier)) return 'unknown';
    const found = ts.resolveModuleName(specifier.text, from.fileName, this.#options, ts.sys).resolvedModule;
    const source = found ? this.#source(found.resolvedFileName) : null;
    const step = `${found?.resolvedFileName} ${name}\n`;
    return source && !seen.includes(step) ? this.#exported(source, name, seen + step) : 'unknown';
  }

  #source(file: string): ts.SourceFile | null {
    const known = this.#sources.get(file);
    if (known !== undefined) return known;
    this.read.add(file);
    const text = /\.[cm]?[jt]sx?$/.test(file) ? readFileSync(file, 'utf8') : null;
    const source = text === null ? null : ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    this.#sources.set(file, source);
    return source;
  }

  /** What a module exports under a name. */
  #exported(source: ts.SourceFile, name: string, seen: string): Meaning {
    const found: Meaning[] = [];
    for (const statement of source.statements) {
      if (ts.isExportDeclaration(statement)) {
        const { exportClause, moduleSpecifier } = statement;
        if (!exportClause) {
          const all = this.#within(source, moduleSpecifier!, name, seen);
          if (all !== 'unknown') found.push(statement.isTypeOnly ? 'type' : all);
        } else if (ts.isNamedExports(exportClause)) {
          const one = exportClause.elements.find((element) => element.name.text === name);
          if (one) found.push(this.ofExport(source, statement, one, seen));
        }
      } else if (isExported(statement)) found.push(...meaningsOf(statement, name));
    }
    return joined(found);
  }

  /** What a name means in a module itself: what is declared, or imported. */
  #local(source: ts.SourceFile, name: string, seen: string): Meaning {
    const found: Meaning[] = source.statements.flatMap((statement) => meaningsOf(statement, name));
    for (const statement of source.statements) {
      if (!ts.isImportDeclaration(statement) || !statement.importClause) continue;
      const { name: whole, namedBindings, isTypeOnly } = statement.importClause;
      const named = namedBindings && ts.isNamedImports(namedBindings) ? namedBindings.elements : [];
      const one = named.find((element) => element.name.text === name);
      if (one) {
        const imported = (one.propertyName ?? one.name).text;
        const isType = isTypeOnly || one.isTypeOnly;
        found.push(isType ? 'type' : this.#within(source, statement.moduleSpecifier, imported, seen));
      } else if (whole?.text === name) found.push(isTypeOnly ? 'type' : 'unknown');
    }
    return joined(found);
  }
}

/** A name may stand for a type and a value. */
function joined(found: readonly Meaning[]): Meaning {
  if (found.includes('value')) return 'value';
  return found.includes('type') && !found.includes('unknown') ? 'type' : 'unknown';
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  return modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
}

/** What a statement declares under a name: nothing, a type or a value. */
function meaningsOf(statement: ts.Statement, name: string): Meaning[] {
  if (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) {
    return statement.name.text === name ? ['type'] : [];
  }
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.some((one) => mentions(one.name, name)) ? ['value'] : [];
  }
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isEnumDeclaration(statement) ||
    ts.isModuleDeclaration(statement) ||
    ts.isImportEqualsDeclaration(statement);
  return isNamed && statement.name?.text === name ? ['value'] : [];
}

function mentions(binding: ts.BindingName, name: string): boolean {
  if (ts.isIdentifier(binding)) return binding.text === name;
  return binding.elements.some((one) => ts.isBindingElement(one) && mentions(one.name, name));
}
