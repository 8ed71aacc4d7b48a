import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ts } from '@ts-morph/common';
import { withoutExportedTypes } from './exported-types.ts';
import { throughNamespaces } from './metadata-imports.ts';
import type { Rewritten } from './rewrite.ts';
import { composeMaps, splitInlineMap, withInlineMap } from './source-maps.ts';

/** The options of a user's tsconfig.json that change the meaning of a single transpiled file, and where it finds others. */
const KEPT = [
  'experimentalDecorators',
  'emitDecoratorMetadata',
  'useDefineForClassFields',
  'verbatimModuleSyntax',
  'jsx',
  'jsxFactory',
  'jsxFragmentFactory',
  'jsxImportSource',
  'baseUrl',
  'paths',
  'pathsBasePath',
] as const satisfies (keyof ts.CompilerOptions)[];

/** The kept options of a folder, and the files that were looked for and read to find them. */
interface UserOptions {
  readonly options: ts.CompilerOptions;
  readonly read: readonly string[];
}

const optionsOfFolder = new Map<string, UserOptions>();

/** The kept options of the tsconfig.json nearest to `folder`. */
function userOptions(folder: string): UserOptions {
  const known = optionsOfFolder.get(folder);
  if (known) return known;
  const read = new Set<string>();
  const fileExists = (path: string) => ts.sys.fileExists(read.add(path) && path);
  const path = ts.findConfigFile(folder, fileExists);
  // no list of files is wanted, only the options: walking the project would cost more than all the rest
  const host = {
    ...ts.sys,
    fileExists,
    readFile: (one: string) => ts.sys.readFile(read.add(one) && one),
    readDirectory: () => [],
    onUnRecoverableConfigFileDiagnostic: () => {},
  };
  const all = path ? (ts.getParsedCommandLineOfConfigFile(path, undefined, host)?.options ?? {}) : {};
  const options: ts.CompilerOptions = Object.fromEntries(
    KEPT.filter((name) => name in all).map((name) => [name, all[name]]),
  );
  const found = { options, read: [...read] };
  optionsOfFolder.set(folder, found);
  return found;
}

/** JavaScript for Node, and the files besides the program's own that it depends on. */
export interface Transpiled {
  readonly code: string;
  readonly read: readonly string[];
}

/**
 * Lowered TypeScript of the absolute path `file` to JavaScript that Node runs, with a map to `original` inlined.
 */
export function transpile(
  rewritten: Rewritten,
  original: string,
  file: string,
  format: 'module' | 'commonjs',
): Transpiled {
  const { options, read: configuration } = userOptions(dirname(file));
  // to CommonJS a name that is not there is undefined
  const isAsWritten = format === 'commonjs' || options.verbatimModuleSyntax;
  const own = isAsWritten ? { code: rewritten.code, read: [] } : withoutExportedTypes(rewritten.code, file, options);
  const read = [...configuration, ...own.read];
  const compilerOptions: ts.CompilerOptions = {
    ...options,
    target: ts.ScriptTarget.ES2022,
    module: format === 'module' ? ts.ModuleKind.ESNext : ts.ModuleKind.CommonJS,
    esModuleInterop: true,
    inlineSourceMap: true,
    inlineSources: true,
  };
  if (format === 'commonjs') compilerOptions.verbatimModuleSyntax = false;
  const { outputText } = ts.transpileModule(own.code, { fileName: file, compilerOptions });
  const { code, map } = splitInlineMap(outputText);
  if (!map) return { code, read };
  const located = { ...map, sources: [pathToFileURL(file).href] };
  const composed = composeMaps(located, [{ map: rewritten.map, original }]);
  const linked = compilerOptions.emitDecoratorMetadata && format === 'module' ? throughNamespaces(code) : null;
  if (!linked) return { code: withInlineMap(code, composed), read };
  const outer = { ...linked.map, sources: located.sources, sourcesContent: [original] };
  return { code: withInlineMap(linked.code, composeMaps(outer, [{ map: composed, original }])), read };
}
