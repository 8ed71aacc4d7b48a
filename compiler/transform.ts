import type { SourceMap } from 'magic-string';
import type { ts } from 'ts-morph';
import { type Code, span } from './code.ts';
import { CompileError } from './diagnostics.ts';
import { findTraced, prologue } from './directives.ts';
import { mayHaveBlocks } from './gate.ts';
import { Lowering } from './lowering.ts';
import { marksIn } from './marks.ts';
import type { Original } from './original.ts';
import { parse, syntax } from './parse.ts';
import { print } from './print.ts';
import { Scopes } from './scope.ts';
import { visit } from './visit.ts';

export interface TransformOptions {
  /** The file as errors show it, relative to the project. */
  readonly file: string;
  /** Its absolute path; its extension says which language it is. */
  readonly id: string;
  /** What the user wrote, if that is not the text that is given. */
  readonly original?: Original;
}

export interface Transformed {
  /** Still the user's language: types are kept, lines stay lines. */
  readonly code: string;
  readonly map: SourceMap;
}

/**
 * Rewrites the traced functions of one file into calls of runtime operators, which build nodes for traced tensors and
 * do what JavaScript does for everything else. Nothing but the text is needed: no types, no other file.
 *
 * @returns null if there is nothing to rewrite: no traced function, text that is lowered already, or a syntax error.
 * @throws CompileError for code that can have no meaning in a graph.
 */
export function transform(code: string, options: TransformOptions): Transformed | null {
  try {
    return transformText(code, options);
  } catch (error) {
    if (error instanceof CompileError && options.original) error.moveTo(options.original);
    throw error;
  }
}

function transformText(code: string, { file, id, original }: TransformOptions): Transformed | null {
  if (!mayHaveBlocks(code)) return null;
  const source = parse(code, id);
  if (!source) return null;
  const scopes = new Scopes(source);
  const traced = findTraced(source, scopes, file);
  if (traced.functions.size === 0) return null;
  refuseReservedNames(scopes, file);
  const lowering = new Lowering(source, file, scopes, traced, visit, original);
  return print(lowerFile(lowering), code, id);
}

function lowerFile(lowering: Lowering): Code {
  const { source, text } = lowering;
  const directives = prologue(source.statements);
  const end = directives.at(-1)?.end;
  // Before the first statement: comments above it may be pragmas, which must stay at the top of the file.
  const at = end ?? lowering.start(source.statements[0]!);
  const body = lowering.copyFrom(source, at, text.length);
  const marks = marksIn(lowering, source).map(({ code }) => `${code} `);
  const separator = end === undefined ? '' : text[end - 1] === ';' ? ' ' : '; ';
  return [span(0, at), separator, header(lowering), lowering.shared.declareFor(source), marks, body];
}

/** The runtime's operators and the file's sites, on the line where the code starts. */
function header({ source, file, sites }: Lowering): string {
  const operators = isCommonJs(source)
    ? "const __o = require('onnsight/operators');"
    : "import * as __o from 'onnsight/operators';";
  return `${operators} const __s = __o.sites(${JSON.stringify(file)}, ${JSON.stringify(sites.table())}); `;
}

function isCommonJs(source: ts.SourceFile): boolean {
  if (/\.cjs$/.test(source.fileName)) return true;
  const isModule = source.statements.some(
    (one) =>
      syntax.isImportDeclaration(one) ||
      syntax.isExportDeclaration(one) ||
      syntax.isExportAssignment(one) ||
      syntax.isImportEqualsDeclaration(one) ||
      (syntax.canHaveModifiers(one) &&
        one.modifiers?.some(({ kind }) => kind === syntax.SyntaxKind.ExportKeyword) === true),
  );
  return !isModule && /\brequire\(/.test(source.text);
}

function refuseReservedNames(scopes: Scopes, file: string): void {
  for (const binding of scopes.all()) {
    if (binding.name !== '__o' && binding.name !== '__s') continue;
    throw new CompileError('reserved', binding.declaration, file);
  }
}
