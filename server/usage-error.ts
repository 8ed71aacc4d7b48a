/** What an operator asks for cannot be: the message says what to do. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
