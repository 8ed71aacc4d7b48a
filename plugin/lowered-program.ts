import type ts from 'typescript';
import type { Rewritten } from './rewrite.ts';

/** A rewritten file: its lowered text beside the file that the user wrote. */
export type LoweredFile = Rewritten & { original: ts.SourceFile };

/** The rewritten files by their names in the program. */
export type LoweredFiles = ReadonlyMap<string, LoweredFile>;

/** Members of a program that are not in its public type: a lowered program asks for them instead of the host. */
interface ResolvedProgram extends ts.Program {
  getResolvedModule(
    file: ts.SourceFile,
    name: string,
    mode: ts.ResolutionMode,
  ): ts.ResolvedModuleWithFailedLookupLocations | undefined;
}

/** Members of a file that are not in its public type. */
interface ProgramFile extends ts.SourceFile {
  readonly path: string;
  readonly resolvedPath: string;
  /** Of a file that stands for another copy of its package: the file itself. */
  readonly redirectInfo?: { readonly unredirected: ts.SourceFile };
}

/**
 * A program like `program` over the lowered texts, for its JavaScript alone. It has all its files and resolutions from
 * `program`: the host of a watching compiler or of a language service must not be asked once its program exists.
 */
export function loweredProgram(
  typescript: typeof ts,
  program: ts.Program,
  host: ts.CompilerHost,
  lowered: LoweredFiles,
): ts.Program {
  const loweredHost: ts.CompilerHost = {
    getSourceFile: (name, options) => sourceFile(typescript, program, lowered, name, options),
    resolveModuleNameLiterals: (literals, _file, _redirected, options, file) =>
      literals.map((literal) => resolution(typescript, program as ResolvedProgram, literal, file, options)),
    // every file is a root, those that these would find among them
    resolveTypeReferenceDirectiveReferences: (references) =>
      references.map(() => ({ resolvedTypeReferenceDirective: undefined })),
    getDefaultLibFileName: (options) => host.getDefaultLibFileName(options),
    getCurrentDirectory: () => program.getCurrentDirectory(),
    getCanonicalFileName: (name) => host.getCanonicalFileName(name),
    useCaseSensitiveFileNames: () => host.useCaseSensitiveFileNames(),
    getNewLine: () => host.getNewLine(),
    fileExists: (name) => program.getSourceFile(name) !== undefined,
    readFile: () => undefined,
    writeFile: () => {},
  };
  if (host.getDefaultLibLocation) loweredHost.getDefaultLibLocation = () => host.getDefaultLibLocation!();
  loweredHosts.add(loweredHost);
  return typescript.createProgram({
    rootNames: program.getSourceFiles().map(({ fileName }) => fileName),
    options: {
      ...program.getCompilerOptions(),
      types: [],
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
    host: loweredHost,
  });
}

const loweredHosts = new WeakSet<ts.CompilerHost>();

/** Whether the program of `host` is one that was made here: there is nothing more to lower in it. */
export function isLowered(host: ts.CompilerHost | undefined): boolean {
  return host !== undefined && loweredHosts.has(host);
}

/** The file `name` of `program`, or its lowered text. */
function sourceFile(
  typescript: typeof ts,
  program: ts.Program,
  lowered: LoweredFiles,
  name: string,
  options: ts.ScriptTarget | ts.CreateSourceFileOptions,
): ts.SourceFile | undefined {
  const parsed = program.getSourceFile(name) as ProgramFile | undefined;
  if (!parsed) return undefined;
  const file = lowered.get(parsed.fileName);
  // one that stands for a source of a referenced project goes by that source's path in `program`, and must keep it
  const isOfReference = parsed.path !== parsed.resolvedPath;
  if (!file && !isOfReference) return parsed.redirectInfo?.unredirected ?? parsed;
  const { impliedNodeFormat } = parsed;
  const own = typeof options === 'object' ? { ...options, impliedNodeFormat } : options;
  return typescript.createSourceFile(name, file?.code ?? parsed.text, own);
}

/** What `program` found under a name that `file` imports. */
function resolution(
  typescript: typeof ts,
  program: ResolvedProgram,
  literal: ts.StringLiteralLike,
  file: ts.SourceFile,
  options: ts.CompilerOptions,
): ts.ResolvedModuleWithFailedLookupLocations {
  const mode = typescript.getModeForUsageLocation(file, literal, options);
  const { resolvedModule } = program.getResolvedModule(file, literal.text, mode) ?? {};
  const target = resolvedModule && program.getSourceFile(resolvedModule.resolvedFileName);
  if (!target) return { resolvedModule };
  // a file of a referenced project stands for its declarations; no copies of packages are merged once more
  const { packageId: _, ...found } = resolvedModule;
  const extension = target.isDeclarationFile ? typescript.Extension.Dts : found.extension;
  return { resolvedModule: { ...found, resolvedFileName: target.fileName, extension } };
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
