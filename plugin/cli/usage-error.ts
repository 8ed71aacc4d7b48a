/** Something is wrong with how the command was called, or with what it was pointed at: printed without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
