import { readFileSync } from 'node:fs';
import Module from 'node:module';
import { extname } from 'node:path';
import { compile } from './compile.ts';
import { isOwnFile } from './rewrite.ts';

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
      else module._compile(code, filename);
    };
  }
}
