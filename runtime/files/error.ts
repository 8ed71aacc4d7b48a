/** A file of tensors that cannot be read, or tensors that it cannot hold. */
export class TensorFileError extends Error {
  override readonly name = 'TensorFileError';

  get code(): string {
    return 'ONN2007';
  }
}
