import { CompileError } from '../../compiler/diagnostics.ts';
import { transform } from '../../compiler/transform.ts';
import type { Project } from './project.ts';

/** The error with which the compiler itself refuses `src/app.ts`. */
export function refusal(project: Project): CompileError {
  const id = `${project.folder}/src/app.ts`;
  try {
    transform(project.read('src/app.ts'), { file: 'src/app.ts', id });
  } catch (error) {
    if (error instanceof CompileError) return error;
    throw error;
  }
  throw new Error('the project compiles');
}
