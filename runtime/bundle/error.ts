/** A bundle cannot be used: the message names the file, the problem and what to do. */
export class BundleError extends Error {
  override readonly name = 'BundleError';

  get code(): string {
    return 'ONN2008';
  }
}
