/**
 * The adapter for tsc through ts-patch: `{ "transform": "onnsight/plugin", "transformProgram": true }`.
 *
 * The user's program stays what tsc checks, reports on and writes declarations from. A second program over the lowered
 * text is made when the first JavaScript is due, and only its JavaScript is taken. (A `before` transformer that
 * returns a re-parsed file crashes the compiler; a lowered program alone would have its own false type errors.)
 */
import path = require('node:path');
import type ts = require('typescript');
import plugAndPlay = require('./plug-n-play.ts');

plugAndPlay.checkPlugAndPlay('compiling by tsc', 24);

import diagnostics = require('../compiler/diagnostics.ts');
import parsing = require('../compiler/parse.ts');
import reaching = require('./reach.ts');
import rewriting = require('./rewrite.ts');
import emitting = require('./lowered-emit.ts');
import programs = require('./lowered-program.ts');
import versions = require('./version.ts');

/** What ts-patch hands over: the instance of TypeScript that compiles. */
interface Extras {
  ts: typeof ts;
}

/** Members of a program that its builders call, though they are not in its public type. */
interface InternalProgram {
  getBindAndCheckDiagnostics?: ts.Program['getSemanticDiagnostics'];
}

/** `program`, made to emit lowered JavaScript and to report what cannot be lowered. */
function lowerProgram(
  program: ts.Program & InternalProgram,
  host: ts.CompilerHost | undefined,
  _config: unknown,
  { ts }: Extras,
): ts.Program {
  if (programs.isLowered(host)) return program;
  parsing.lendTypeScript(ts);
  const compilerHost = host ?? ts.createCompilerHost(program.getCompilerOptions());
  const directory = program.getCurrentDirectory();
  const lowered = new Map<string, programs.LoweredFile>();
  const errors = new Map<ts.SourceFile, ts.Diagnostic>();

  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile || program.isSourceFileFromExternalLibrary(file)) continue;
    const result = outcome(file, () => rewriting.rewrite(file.text, absolute(ts, file, directory), { directory }));
    if (result === null) continue;
    if (result instanceof diagnostics.CompileError) errors.set(file, toDiagnostic(ts, result, file));
    else if (!reaches(program.getCompilerOptions(), file.fileName, directory)) errors.set(file, unreached(ts, file));
    else lowered.set(file.fileName, { ...result, original: file });
    // hosts of builds that are remembered have hashes; a language service compares versions with its own
    if (compilerHost.createHash) versions.salt(file);
  }
  const failed = new Map(
    Array.from(errors, ([file, error]) => [file.fileName, ts.formatDiagnostic(error, compilerHost)]),
  );
  if (errors.size > 0) report(program, errors);
  if (lowered.size > 0 || errors.size > 0) {
    emitting.emitLowered(ts, program, compilerHost, lowered, failed);
  }
  return program;
}

/** Whether JavaScript finds what compiled code imports, where it is written, or where its source is. */
function reaches({ outDir, outFile }: ts.CompilerOptions, file: string, directory: string): boolean {
  const places = [file, ...(outDir ? [path.join(outDir, 'x.js')] : []), ...(outFile ? [outFile] : [])];
  return places.some((place) => reaching.reachesOperators(path.resolve(directory, place)));
}

function unreached(typescript: typeof ts, file: ts.SourceFile): ts.Diagnostic {
  return {
    category: typescript.DiagnosticCategory.Error,
    code: 91000,
    file,
    start: file.getStart(),
    length: 1,
    messageText: reaching.UNREACHED,
    source: 'onnsight',
  };
}

type Outcome = rewriting.Rewritten | InstanceType<typeof diagnostics.CompileError> | null;

/** What became of the files of earlier programs: one that watches makes many of mostly the same files. */
const outcomes = new WeakMap<ts.SourceFile, Outcome>();

function outcome(file: ts.SourceFile, rewrite: () => rewriting.Rewritten | null): Outcome {
  const known = outcomes.get(file);
  if (known !== undefined) return known;
  let result: Outcome;
  try {
    result = rewrite();
  } catch (error) {
    if (!(error instanceof diagnostics.CompileError)) throw error;
    result = error;
  }
  outcomes.set(file, result);
  return result;
}

function absolute(typescript: typeof ts, file: ts.SourceFile, directory: string): string {
  return typescript.sys.resolvePath(
    /^([a-z]:)?[\\/]/i.test(file.fileName) ? file.fileName : `${directory}/${file.fileName}`,
  );
}

/** The diagnostic as tsc shows it. tsc prints the place itself, and numbers only: ONN1001 becomes TS91001. */
function toDiagnostic(
  typescript: typeof ts,
  error: InstanceType<typeof diagnostics.CompileError>,
  file: ts.SourceFile,
) {
  const text = error.format();
  return {
    category: typescript.DiagnosticCategory.Error,
    code: Number(error.code.replace(/^\D+/, '9')),
    file,
    start: file.getPositionOfLineAndCharacter(error.line - 1, error.column - 1),
    length: 1,
    messageText: text.slice(Math.max(0, text.indexOf(`${error.code}: `))),
    source: 'onnsight',
  } satisfies ts.Diagnostic;
}

/** Adds `errors` to what type checking finds: there incremental builds remember them until the file changes. */
function report(program: ts.Program & InternalProgram, errors: Map<ts.SourceFile, ts.Diagnostic>): void {
  const withErrors =
    (check: ts.Program['getSemanticDiagnostics']): ts.Program['getSemanticDiagnostics'] =>
    (file, token) => {
      const own = file ? errors.get(file) : undefined;
      const added = file ? (own ? [own] : []) : [...errors.values()];
      return [...check(file, token), ...added];
    };
  program.getSemanticDiagnostics = withErrors(program.getSemanticDiagnostics);
  if (program.getBindAndCheckDiagnostics) {
    program.getBindAndCheckDiagnostics = withErrors(program.getBindAndCheckDiagnostics);
  }
}

export = lowerProgram;
