import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { guess, nearest } from '../nearest.ts';
import { ModelError } from '../onnx/error.ts';
import { statFile } from '../onnx/stat-file.ts';

const PREFIX = 'onnsight/';

/**
 * The folder of a model that comes with this package, named as one on the hub: `onnsight/toy-gpt2`. Null for any other
 * name, and for a folder of that path beside the program. Throws a `ModelError` for one that there is not.
 */
export function packagedModel(name: string): string | null {
  if (!name.startsWith(PREFIX) || statFile(name)) return null;
  const models = join(dirname(createRequire(import.meta.url).resolve('onnsight/package.json')), 'models');
  const names = readdirSync(models).map((folder) => PREFIX + folder);
  if (names.includes(name)) return join(models, name.slice(PREFIX.length));
  throw new ModelError(`onnsight comes with ${names.join(' and ')}, not with ${name}${guess(nearest(name, names))}`);
}
