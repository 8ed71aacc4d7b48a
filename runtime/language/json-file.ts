import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { ModelError } from '../onnx/error.ts';
import { statFile } from '../onnx/stat-file.ts';

/** The text of a file, or null if it is missing. */
export function readText(path: string): string | null {
  const stat = statFile(path);
  if (stat === undefined) return null;
  if (!stat.isFile()) throw new ModelError(`${path} is not a file`);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(path));
  } catch (error) {
    throw new ModelError(`${path} is damaged: it is no text in UTF-8`, { cause: error });
  }
}

/**
 * The contents of a JSON file as `schema` describes them, or null if the file is missing.
 * Throws a `ModelError` that names the file and says what is wrong: no JSON, or the path of a value, what was expected
 * and what was found.
 */
export function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  const text = readText(path);
  if (text === null) return null;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new ModelError(`${path} is damaged: ${(error as Error).message}`, { cause: error });
  }
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  throw new ModelError(`${path} is damaged: ${z.prettifyError(result.error)}`, { cause: result.error });
}
