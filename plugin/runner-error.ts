import { CompileError } from '../compiler/diagnostics.ts';

/**
 * The error that the Node runner throws for `error` in the absolute path `file`: for a compiler's diagnostic, an error that prints
 * as the diagnostic and the place (the stack would be the loader's), also after its copy crosses from the loader's
 * thread.
 */
export function runnerError(error: unknown, file: string): unknown {
  if (!(error instanceof CompileError)) return error;
  const text = error.format();
  const printed = new SyntaxError(text);
  printed.stack = `${text}\n    at ${file}:${error.line}:${error.column}`;
  return printed;
}
