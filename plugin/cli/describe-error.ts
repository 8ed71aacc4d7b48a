/** The message of a user's mistake is enough; unexpected errors show their stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = /^(TraceError|ModelError|BundleError|UsageError|InputError|GraphError|DeviceError|SyntaxError)$/;
  return known.test(error.name) ? error.message : (error.stack ?? error.message);
}
