import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ts } from 'ts-morph';
import { throughNamespaces } from './metadata-imports.ts';
import type { Rewritten } from './rewrite.ts';
import { composeMaps, splitInlineMap, withInlineMap } from './source-maps.ts';

/** The options of a user's tsconfig.json that change the meaning of a single transpiled file. */
const KEPT = [
  'experimentalDecorators',
  'emitDecoratorMetadata',
  'useDefineForClassFields',
  'verbatimModuleSyntax',
  'jsx',
  'jsxFactory',
  'jsxFragmentFactory',
  'jsxImportSource',
] as const satisfies (keyof ts.CompilerOptions)[];

const optionsOfFolder = new Map<string, ts.CompilerOptions>();

/** The kept options of the tsconfig.json nearest to `folder`. */
function userOptions(folder: string): ts.CompilerOptions {
  const known = optionsOfFolder.get(folder);
  if (known) return known;
  const path = ts.findConfigFile(folder, ts.sys.fileExists);
  // no list of files is wanted, only the options: walking the project would cost more than all the rest
  const host = { ...ts.sys, readDirectory: () => [], onUnRecoverableConfigFileDiagnostic: () => {} };
  const all = path ? (ts.getParsedCommandLineOfConfigFile(path, undefined, host)?.options ?? {}) : {};
  const kept: ts.CompilerOptions = Object.fromEntries(
    KEPT.filter((name) => name in all).map((name) => [name, all[name]]),
  );
  optionsOfFolder.set(folder, kept);
  return kept;
}

/**
 * Lowered TypeScript of the absolute path `file` to JavaScript that Node runs, with a map to `original` inlined.
 */
export function transpile(rewritten: Rewritten, original: string, file: string, format: 'module' | 'commonjs'): string {
  const compilerOptions: ts.CompilerOptions = {
    ...userOptions(dirname(file)),
    target: ts.ScriptTarget.ES2022,
    module: format === 'module' ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
    esModuleInterop: true,
    inlineSourceMap: true,
    inlineSources: true,
  };
  if (format === 'commonjs') compilerOptions.verbatimModuleSyntax = false;
  const { outputText } = ts.transpileModule(rewritten.code, { fileName: file, compilerOptions });
  const { code, map } = splitInlineMap(outputText);
  if (!map) return code;
  const located = { ...map, sources: [pathToFileURL(file).href] };
  const composed = composeMaps(located, [{ map: rewritten.map, original }]);
  const linked = compilerOptions.emitDecoratorMetadata && format === 'module' ? throughNamespaces(code) : null;
  if (!linked) return withInlineMap(code, composed);
  const outer = { ...linked.map, sources: located.sources, sourcesContent: [original] };
  return withInlineMap(linked.code, composeMaps(outer, [{ map: composed, original }]));
}
