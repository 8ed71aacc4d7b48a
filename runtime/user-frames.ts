import { fileURLToPath } from 'node:url';

const own = fileURLToPath(new URL('.', import.meta.url));

/** A line of a stack: what was called, and the file, line and column it stands at. */
const FRAME = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/;

/** Where a line of a stack stands, if that is the user's own code: neither this library nor the engine below it, nor Node. */
export function userFrame(line: string): { file: string; line: number; column: number } | null {
  const match = FRAME.exec(line);
  if (!match || /\bnode:/.test(line)) return null;
  const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!.replace(/\?.*$/, '')) : match[1]!;
  if (file.startsWith(own) || /[\\/]node_modules[\\/]onnxruntime/.test(file)) return null;
  return { file, line: Number(match[2]), column: Number(match[3]) };
}

/**
 * Leaves of an error's stack, and of those of its causes, the user's own lines: that is what Node prints where nothing
 * catches it. One that the user's own code has thrown stays as it is.
 */
export function keepUserFrames(error: Error): void {
  const lines = (error.stack ?? '').split('\n');
  const first = lines.findIndex((line) => /^\s+at /.test(line));
  if (first >= 0 && !userFrame(lines[first]!)) {
    const kept = lines.slice(first).filter((line) => userFrame(line));
    Object.defineProperty(error, 'stack', {
      value: [...lines.slice(0, first), ...kept].join('\n'),
      writable: true,
      configurable: true,
    });
  }
  if (error.cause instanceof Error) keepUserFrames(error.cause);
}
