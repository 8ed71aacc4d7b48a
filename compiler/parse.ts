import { createRequire } from 'node:module';
import type { ts } from 'ts-morph';
import type hosts from 'typescript';

/**
 * The parser: the TypeScript of the host if it provides one, else the one that @ts-morph/common brings, since a user's own may have
 * no parser for JavaScript. Loading it takes a quarter of a second, so it waits for the first file that has something
 * to rewrite; `parse` fills it in.
 */
export let syntax: typeof ts;

/** Lets a host that has TypeScript in memory provide it, so that no other is loaded. */
export function lendTypeScript(typescript: typeof hosts): void {
  syntax ??= typescript as unknown as typeof ts;
}

const require = createRequire(import.meta.url);

/** Parses `text`; null if it is not valid: the host reports that better when it parses the file itself. */
export function parse(text: string, file: string): ts.SourceFile | null {
  syntax ??= (require('@ts-morph/common') as { ts: typeof ts }).ts;
  const source = syntax.createSourceFile(file, text, syntax.ScriptTarget.ESNext, true, scriptKind(file));
  const { parseDiagnostics } = source as ts.SourceFile & { readonly parseDiagnostics: readonly unknown[] };
  return parseDiagnostics.length === 0 ? source : null;
}

function scriptKind(file: string): ts.ScriptKind {
  if (/\.tsx$/i.test(file)) return syntax.ScriptKind.TSX;
  // Many .js files hold JSX, and JSX takes nothing from JavaScript.
  return /\.[cm]?jsx?$/i.test(file) ? syntax.ScriptKind.JSX : syntax.ScriptKind.TS;
}
