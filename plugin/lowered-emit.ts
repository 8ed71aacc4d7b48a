import type ts from 'typescript';
import { type LoweredFiles, loweredProgram } from './lowered-program.ts';
import { composeMaps, type SourceMapJson, splitInlineMap, withInlineMap } from './source-maps.ts';

/** The output of the second program for one file, or for all that are written into one. */
interface Output {
  js: string;
  map: string | null;
  /** The names of the files that it was made of, in the order in which its map has them. */
  sources: readonly string[];
}

/**
 * Makes `program` emit the JavaScript of `lowered` files in place of its own, their maps composed.
 * Of files in `failed` nothing is written: their JavaScript would be the untransformed program. A language service gets a
 * module that throws what is wrong, because some (ts-jest's, for ES modules) look at diagnostics only of files with code.
 */
export function emitLowered(
  typescript: typeof ts,
  program: ts.Program,
  host: ts.CompilerHost,
  lowered: LoweredFiles,
  failed: ReadonlyMap<string, string>,
): void {
  const emit = program.emit;
  let second: ts.Program | undefined;
  let custom: ts.CustomTransformers | undefined;
  const outputs = new Map<string, Output>();

  const outputOf = (fileName: string): Output => {
    const known = outputs.get(fileName);
    if (known) return known;
    second ??= loweredProgram(typescript, program, host, lowered);
    const output: Output = { js: '', map: null, sources: [] };
    const write: ts.WriteFileCallback = (path, text, _bom, _onError, sources = []) => {
      if (path.endsWith('.map')) output.map = text;
      else output.js = text;
      output.sources = sources.map((source) => source.fileName).filter((name) => !name.endsWith('.json'));
    };
    second.emit(second.getSourceFile(fileName), write, undefined, false, custom);
    outputs.set(fileName, output);
    return output;
  };

  // the first program's own JavaScript of these files is thrown away: none is made
  const empty: ts.TransformerFactory<ts.SourceFile> = () => (file) =>
    lowered.has(file.fileName) ? typescript.factory.updateSourceFile(file, []) : file;

  let outer: ts.Program['emit'] = (target, writeFile, token, onlyDeclarations, transformers, ...rest) => {
    const write = writeFile ?? host.writeFile;
    let skipped = false;
    const isThrowing = target !== undefined && failed.has(target.fileName) && isOfLanguageService(host);
    const emitted = isThrowing ? emittingAnyway(program.getCompilerOptions(), emit) : emit;
    const result = emitted(
      target,
      (path, text, bom, onError, sources, data) => {
        const failure = sources?.map((source) => failed.get(source.fileName)).find((message) => message !== undefined);
        if (failure !== undefined) {
          if (isOfLanguageService(host)) write(path, throwing(path, text, failure), bom, onError, sources, data);
          else skipped = true;
          return;
        }
        const fileName = sources?.find((source) => lowered.has(source.fileName))?.fileName;
        const swapped = fileName === undefined ? text : swap(path, text, lowered, () => outputOf(fileName));
        write(path, swapped, bom, onError, sources, data);
      },
      token,
      onlyDeclarations,
      { ...transformers, before: [empty, ...(transformers?.before ?? [])] },
      ...rest,
    );
    return skipped ? { ...result, emitSkipped: true } : result;
  };

  // ts-patch wraps this emit, and adds the transformers of the configuration to those of its caller; the second program
  // gets the caller's alone, because ts-patch has wrapped its emit, too
  Object.defineProperty(program, 'emit', {
    configurable: true,
    enumerable: true,
    get: () => outer,
    set(wrapper: ts.Program['emit']) {
      outer = (target, writeFile, token, onlyDeclarations, transformers, ...rest) => {
        custom = transformers;
        return wrapper(target, writeFile, token, onlyDeclarations, transformers, ...rest);
      };
    },
  });
}

/** Of the hosts that TypeScript itself makes, those of language services alone have this member. */
function isOfLanguageService(host: ts.CompilerHost): boolean {
  return host.getCancellationToken !== undefined;
}

/** `emit` of a file that throws what is wrong with it, though it is wrong. */
function emittingAnyway(options: ts.CompilerOptions, emit: ts.Program['emit']): ts.Program['emit'] {
  return (...given) => {
    const { noEmitOnError = false } = options;
    options.noEmitOnError = false;
    try {
      return emit(...given);
    } finally {
      options.noEmitOnError = noEmitOnError;
    }
  };
}

/** JavaScript that throws before anything of it runs; what others import from it is still there, so that they get so far. */
function throwing(path: string, text: string, message: string): string {
  return JAVASCRIPT.test(path) ? `throw new Error(${JSON.stringify(message)}); ${text}` : text;
}

const JAVASCRIPT = /\.[cm]?jsx?$/;

/** The text to write to `path` when the first program would write `text`. */
function swap(path: string, text: string, lowered: LoweredFiles, outputOf: () => Output): string {
  if (!/\.[cm]?jsx?(\.map)?$/.test(path)) return text;
  const { js, map, sources } = outputOf();
  const compose = (own: SourceMapJson, second: SourceMapJson) => {
    const inner = sources.map((name) => {
      const file = lowered.get(name);
      return file && { map: file.map, original: file.original.text };
    });
    // both programs agree on what the map says, but only the first knows where it lies; it has no line of a file
    // that is written together with others
    return composeMaps(sources.length > 1 ? second : { ...second, ...paths(own) }, inner);
  };
  if (path.endsWith('.map')) return map === null ? text : JSON.stringify(compose(JSON.parse(text), JSON.parse(map)));
  const emitted = splitInlineMap(js);
  const own = splitInlineMap(text);
  return emitted.map && own.map ? withInlineMap(emitted.code, compose(own.map, emitted.map)) : js;
}

function paths({ file, sources, sourceRoot }: SourceMapJson) {
  return { file, sources, sourceRoot };
}
