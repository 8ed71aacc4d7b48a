/** A model file is wrong, or has no module at a path; the message names the file or the path. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
}
