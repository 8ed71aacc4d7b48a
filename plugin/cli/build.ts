import { resolve } from 'node:path';
import { getLibFiles, libFolderInMemoryPath, ts } from '@ts-morph/common';
import { checkPlugAndPlay } from '../plug-n-play.ts';
import lowerProgram from '../ts-patch.cts';
import { UsageError } from './usage-error.ts';

export interface BuildOptions {
  /** A tsconfig.json, or the folder with one. */
  readonly project: string;
  readonly watch?: boolean;
}

/**
 * `tsc --build` by the TypeScript that comes with this package, blocks compiled: for projects whose own has no
 * transformers. Everything is built anew, whatever another compiler says to have built before. False if there are errors.
 */
export function build({ project, watch = false }: BuildOptions): boolean {
  // the TypeScript that Yarn changes to read its archives is not this one
  checkPlugAndPlay('onnsight build');
  const config = configIn(project);
  if (watch) {
    const host = ts.createSolutionBuilderWithWatchHost(system, createProgram, report, report, reportStatus);
    ts.createSolutionBuilderWithWatch(host, [config], { force: true }).build();
    return true;
  }
  const host = ts.createSolutionBuilderHost(system, createProgram, report, report);
  return ts.createSolutionBuilder(host, [config], { force: true }).build() === ts.ExitStatus.Success;
}

/** @throws UsageError if there is none. */
function configIn(project: string): string {
  const config = resolve(ts.sys.directoryExists(project) ? `${project}/tsconfig.json` : project);
  if (!ts.sys.fileExists(config)) throw new UsageError(`There is no ${config}. Name a tsconfig.json with --project.`);
  return config;
}

const libraries = new Map(getLibFiles().map(({ fileName, text }) => [`${libFolderInMemoryPath}/${fileName}`, text]));

/** The declarations of JavaScript's own things are no files here. */
const system: typeof ts.sys = {
  ...ts.sys,
  getExecutingFilePath: () => `${libFolderInMemoryPath}/tsc.js`,
  fileExists: (path) => libraries.has(path) || ts.sys.fileExists(path),
  readFile: (path, encoding) => libraries.get(path) ?? ts.sys.readFile(path, encoding),
};

const createProgram: ts.CreateProgram<ts.EmitAndSemanticDiagnosticsBuilderProgram> = (
  rootNames = [],
  options = {},
  host = ts.createIncrementalCompilerHost(options, system),
  old,
  configFileParsingDiagnostics = [],
  projectReferences = [],
) => {
  if (options.noEmit) {
    throw new UsageError(
      `${options.configFilePath} says "noEmit": true, so that nothing would be written. Set it to false (with "outDir": "dist"), or name another tsconfig.json that extends it, with --project.`,
    );
  }
  const program = ts.createProgram({
    rootNames,
    options,
    host,
    ...(old && { oldProgram: old.getProgram() }),
    configFileParsingDiagnostics,
    projectReferences,
  });
  return ts.createEmitAndSemanticDiagnosticsBuilderProgram(
    lowered(program, host),
    host,
    old,
    configFileParsingDiagnostics,
  );
};

/** The adapter is written with the types of the package typescript; they are the same, in another file. */
const lowered = (program: ts.Program, host: ts.CompilerHost) =>
  lowerProgram(program as never, host as never, {}, { ts: ts as never }) as unknown as ts.Program;

const formatHost: ts.FormatDiagnosticsHost = {
  getCurrentDirectory: () => process.cwd(),
  getCanonicalFileName: (name) => (ts.sys.useCaseSensitiveFileNames ? name : name.toLowerCase()),
  getNewLine: () => '\n',
};

function report(diagnostic: ts.Diagnostic): void {
  const format = process.stdout.isTTY ? ts.formatDiagnosticsWithColorAndContext : ts.formatDiagnostics;
  process.stdout.write(format([diagnostic], formatHost));
}

function reportStatus(diagnostic: ts.Diagnostic): void {
  console.log(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'));
}
