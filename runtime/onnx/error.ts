/** What is wrong with a model file, or with a module path asked of it; the message names the file or the path. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}
