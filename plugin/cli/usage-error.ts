/** Something is wrong with the command's arguments, or with the files they name: printed without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
