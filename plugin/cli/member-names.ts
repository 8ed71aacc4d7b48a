import { Envoy } from '../../runtime/api/envoy.ts';
import { LanguageModelCore } from '../../runtime/api/language-model.ts';

/** What modules have besides the members of their class. */
const MODULE = new Set([
  ...['map', 'path', 'callIndex', 'get', 'length'],
  // What JavaScript and tools ask every object for: modules have none of it.
  ...['then', 'toJSON', 'asymmetricMatch', '$$typeof', 'nodeType'],
]);

const MODEL = new Set(['map', 'device', 'engine', 'options', 'edits', 'tokenizer', 'config']);

/** Whether a module, or the model where the path is empty, has a member of this name that comes before its children. */
export function isMember(path: string, name: string): boolean {
  if (MODULE.has(name) || name in Envoy.prototype) return true;
  return path === '' && (MODEL.has(name) || name in LanguageModelCore.prototype);
}
