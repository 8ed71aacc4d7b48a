import { relative, sep } from 'node:path';
import { type DiagnosticMessageChain, type Project, ts } from 'ts-morph';

/**
 * By the options of the tsconfig.json `config`: what the type checker has against the user's files that are among `files` or imported by them, a line each. Files run
 * all the same: as with every runner of TypeScript, types are taken away.
 */
export function typeErrors(project: Project, config: string, files: ReadonlySet<string>): string[] {
  addDeclarations(project, config);
  project.resolveSourceFileDependencies();
  const checked = project.getSourceFiles().filter((file) => !file.isInNodeModules() && !file.isDeclarationFile());
  const reached = new Set(checked.filter((file) => files.has(file.getFilePath())));
  for (const file of reached) {
    for (const imported of file.getReferencedSourceFiles()) if (checked.includes(imported)) reached.add(imported);
  }
  return [...reached].flatMap((file) =>
    file.getPreEmitDiagnostics().map((one) => {
      const { line, column } = file.getLineAndColumnAtPos(one.getStart() ?? 0);
      const place = `${relative(process.cwd(), file.getFilePath()).split(sep).join('/')}:${line}:${column}`;
      return `${place} - TS${one.getCode()}: ${text(one.getMessageText())}`;
    }),
  );
}

/** The declarations that stand in the user's project, which its files may use without an import. */
function addDeclarations(project: Project, config: string): void {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} };
  const names = ts.getParsedCommandLineOfConfigFile(config, undefined, host)?.fileNames ?? [];
  for (const name of names) if (/\.d\.[cm]?ts$/.test(name)) project.addSourceFileAtPathIfExists(name);
}

function text(message: string | DiagnosticMessageChain): string {
  return typeof message === 'string' ? message : ts.flattenDiagnosticMessageText(message.compilerObject, ' ');
}
