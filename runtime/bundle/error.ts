/** A bundle cannot be used: the message says what is wrong with which file of it, and what to do. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}
