import type ts from 'typescript';
import type { Rewritten } from './rewrite.ts';
import { composeMaps, type SourceMapJson, splitInlineMap, withInlineMap } from './source-maps.ts';

/** A rewritten file: its lowered text beside the file that the user wrote. */
type LoweredFile = Rewritten & { original: ts.SourceFile };

/** The rewritten files by their names in the program. */
export type LoweredFiles = Map<string, LoweredFile>;

/** The output of the second program for one file. */
interface Output {
  js: string;
  map: string | null;
}

/**
 * The `emit` of `program` with the JavaScript of `lowered` files put in place of its own, their maps composed.
 * Of files in `failed` nothing is written: their JavaScript would be the untransformed program.
 */
export function emitLowered(
  typescript: typeof ts,
  program: ts.Program,
  host: ts.CompilerHost,
  lowered: LoweredFiles,
  failed: ReadonlySet<string>,
): ts.Program['emit'] {
  const emit = program.emit;
  let second: ts.Program | undefined;
  const outputs = new Map<string, Output>();

  const outputOf = (fileName: string): Output => {
    const known = outputs.get(fileName);
    if (known) return known;
    second ??= loweredProgram(typescript, program, host, lowered);
    const output: Output = { js: '', map: null };
    second.emit(second.getSourceFile(fileName), (path, text) => {
      if (path.endsWith('.map')) output.map = text;
      else output.js = text;
    });
    outputs.set(fileName, output);
    return output;
  };

  // the first program's own JavaScript of these files is thrown away: none is made
  const empty: ts.TransformerFactory<ts.SourceFile> = () => (file) =>
    lowered.has(file.fileName) ? typescript.factory.updateSourceFile(file, []) : file;

  return (target, writeFile, token, onlyDeclarations, transformers, ...rest) => {
    const write = writeFile ?? host.writeFile;
    let skipped = false;
    const result = emit(
      target,
      (path, text, bom, onError, sources, data) => {
        if (sources?.some((source) => failed.has(source.fileName))) {
          skipped = true;
          return;
        }
        const fileName = sources?.[0]?.fileName;
        const file = sources?.length === 1 && fileName !== undefined ? lowered.get(fileName) : undefined;
        const swapped = file && fileName !== undefined ? swap(path, text, file, () => outputOf(fileName)) : text;
        write(path, swapped, bom, onError, sources, data);
      },
      token,
      onlyDeclarations,
      { ...transformers, before: [empty, ...(transformers?.before ?? [])] },
      ...rest,
    );
    return skipped ? { ...result, emitSkipped: true } : result;
  };
}

/** The text to write to `path` for `file` when the first program would write `text`. */
function swap(path: string, text: string, file: LoweredFile, output: () => Output): string {
  const compose = (own: SourceMapJson, second: SourceMapJson) =>
    // both programs agree on what the map says, but only the first knows where it lies
    composeMaps({ ...second, ...paths(own) }, file.map, file.original.text);
  if (/\.[cm]?jsx?\.map$/.test(path)) {
    const { map } = output();
    return map === null ? text : JSON.stringify(compose(JSON.parse(text), JSON.parse(map)));
  }
  if (!/\.[cm]?jsx?$/.test(path)) return text;
  const emitted = splitInlineMap(output().js);
  const own = splitInlineMap(text);
  return emitted.map && own.map ? withInlineMap(emitted.code, compose(own.map, emitted.map)) : output().js;
}

function paths({ file, sources, sourceRoot }: SourceMapJson) {
  return { file, sources, sourceRoot };
}

/** A program like `program` over the lowered texts, for its JavaScript alone. */
function loweredProgram(
  typescript: typeof ts,
  program: ts.Program,
  host: ts.CompilerHost,
  lowered: LoweredFiles,
): ts.Program {
  const getSourceFile: ts.CompilerHost['getSourceFile'] = (name, languageVersion, ...rest) => {
    const file = lowered.get(name);
    if (file) return typescript.createSourceFile(name, file.code, languageVersion);
    const parsed = program.getSourceFile(name);
    // a redirect replaces a file of another copy of its package; only the host has the file itself
    return parsed && !('redirectInfo' in parsed) ? parsed : host.getSourceFile(name, languageVersion, ...rest);
  };
  const references = program.getProjectReferences();
  return typescript.createProgram({
    rootNames: program.getRootFileNames(),
    options: {
      ...program.getCompilerOptions(),
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      composite: false,
      incremental: false,
      noEmit: false,
      noEmitOnError: false,
      emitDeclarationOnly: false,
      ...withoutChecks(typescript, program, lowered),
    },
    oldProgram: program,
    host: Object.assign(Object.create(host) as ts.CompilerHost, { getSourceFile }),
    ...(references ? { projectReferences: references } : {}),
  });
}

const CONST_ENUM = /\bconst\s+enum\b/;

/** The options with which the second program checks no types, as far as its JavaScript stays the same. */
function withoutChecks(typescript: typeof ts, program: ts.Program, lowered: LoweredFiles): ts.CompilerOptions {
  // older releases find the imports to keep while they check
  const [major, minor] = typescript.versionMajorMinor.split('.').map(Number) as [number, number];
  if (major < 5 || (major === 5 && minor < 6)) return {};
  // types are still needed for values with properties: one might be a const enum
  const isolated =
    !program.getSourceFiles().some(({ text }) => CONST_ENUM.test(text)) &&
    [...lowered.values()].every(({ original }) => typescript.isExternalModule(original));
  return { noCheck: true, ...(isolated ? { isolatedModules: true } : {}) };
}
