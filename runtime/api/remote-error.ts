/** A server could not be asked, refused the trace, or gave a wrong answer. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  /** Whether the same may well succeed a little later: the connection was lost, or the server was busy. */
  readonly isPassing: boolean;

  constructor(message: string, isPassing: boolean, options?: ErrorOptions) {
    super(message, options);
    this.isPassing = isPassing;
  }

  get code(): string {
    return 'ONN2009';
  }
}
