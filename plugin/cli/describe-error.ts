/** Mistakes of the user have all they need in their message; what is not expected shows its stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = /^(TraceError|ModelError|BundleError|UsageError|InputError|GraphError|DeviceError|SyntaxError)$/;
  return known.test(error.name) ? error.message : (error.stack ?? error.message);
}
