import { UserError } from '../errors.ts';

/** A model file is wrong, or has no module at a path; the message names the file or the path. */
export class ModelError extends UserError {
  override readonly name = 'ModelError';

  get code(): string {
    return 'ONN2003';
  }
}
