/** A graph given as data is not one: the message says where and why. */
export class GraphError extends Error {
  override readonly name = 'GraphError';

  get code(): string {
    return 'ONN2005';
  }
}
