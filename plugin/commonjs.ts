import { readFileSync } from 'node:fs';
import Module from 'node:module';
import { basename, extname } from 'node:path';
import { compile } from './compile.ts';
import { isOwnFile } from './user-programs.ts';

/** The part of Node's CommonJS loader that has no types: long deprecated, and what every TypeScript runner uses. */
interface CommonJsModule {
  _compile(code: string, filename: string, format?: 'module'): void;
}
type Extensions = Record<string, (module: CommonJsModule, filename: string) => void>;

const EXTENSIONS = ['.js', '.cjs', '.jsx', '.ts', '.cts', '.tsx'];

/** Lets `require` compile files with blocks. Call it after tsx, which reads files itself and calls no other hooks. */
export function compileRequired(): void {
  const { _extensions: extensions } = Module as unknown as { _extensions: Extensions };
  for (const extension of EXTENSIONS) {
    const previous = extensions[extension] ?? extensions['.js']!;
    extensions[extension] = (module, filename) => {
      // as the module that others import: tsx would make a second library of it, which knows nothing of the first
      if (isOwnFile(filename)) return module._compile(readFileSync(filename, 'utf8'), filename, 'module');
      const code = extname(filename) === extension ? compile(filename, 'commonjs') : null;
      if (code === null) previous(module, filename);
      else run(module, code, filename);
    };
  }
}

/** What Node says of a module that is required and awaits at its top, by its version. */
const AWAITS = ['ERR_REQUIRE_CYCLE_MODULE', 'ERR_REQUIRE_ASYNC_MODULE'];

/** @throws SyntaxError that says what to do where the program awaits outside of functions, as it can in an ES module alone */
function run(module: CommonJsModule, code: string, filename: string): void {
  try {
    module._compile(code, filename);
  } catch (error) {
    const { code: reason } = error as NodeJS.ErrnoException;
    if (!AWAITS.includes(reason ?? '') || !String(error).includes(filename)) throw error;
    const name = basename(filename);
    throw new SyntaxError(
      `${filename} awaits outside of functions, which only an ES module can, and its package is of type commonjs. Rename it to ${name.replace(/\.(\w+)$/, '.m$1')}, or write "type": "module" into package.json, or put the program into an async function.`,
      { cause: error },
    );
  }
}
