import { userFrame } from '../../runtime/user-frames.ts';

/** Errors that say all in their message. */
const KNOWN =
  /^(TraceError|ModelError|BundleError|UsageError|InputError|GraphError|DeviceError|CompileError|SyntaxError|TransformError)$/;

/** The message of a user's mistake is enough; what the user's code throws shows its own lines, anything else its stack. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, syscall } = error as NodeJS.ErrnoException;
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  if (KNOWN.test(error.name) || syscall !== undefined || isMissing) return error.message;
  const lines = (error.stack ?? error.message).split('\n');
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  const kept = lines.slice(first).filter(isUsers);
  return (first < 0 || kept.length === 0 ? lines : [...lines.slice(0, first), ...kept]).join('\n');
}

function isUsers(line: string): boolean {
  const file = userFrame(line)?.file;
  return file !== undefined && !/[\\/]node_modules[\\/]/.test(file);
}
