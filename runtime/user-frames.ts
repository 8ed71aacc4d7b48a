/** Where a page has this file from a server, stacks are left as they are. Its own loader goes without this file (build/runtime.ts). */
const isInNode = import.meta.url.startsWith('file:');
/** The folders of this library: the runtime's, and that of the plugin, which compiles a file while another one requires it. */
const own = ['.', '../plugin/'].map((folder) => pathOf(new URL(folder, import.meta.url).href));

/** A line of a stack: the file, line and column it stands at. Node's own files have no path. */
const FRAME = /(?:^|[\s(])((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(\d+):(\d+)\)?$/;

/** ONNX Runtime, and what Yarn's Plug'n'Play has in Node's place. */
const BELOW = /[\\/]node_modules[\\/]onnxruntime|[\\/]\.pnp\.c?js$/;

/** Where a line of a stack stands, if that is the user's own code: neither this library nor the engine below it, nor Node. */
export function userFrame(line: string): { file: string; line: number; column: number } | null {
  const match = FRAME.exec(line);
  if (!match) return null;
  const file = match[1]!.startsWith('file:') ? pathOf(match[1]!) : match[1]!;
  if (own.some((folder) => file.startsWith(folder)) || BELOW.test(file)) return null;
  return { file, line: Number(match[2]), column: Number(match[3]) };
}

/**
 * Leaves of an error's stack, and of those of its causes, the user's own lines: that is what Node prints where nothing
 * catches it. One that the user's own code has thrown stays as it is.
 */
export function keepUserFrames(error: Error): void {
  if (!isInNode) return;
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

/** The path of a file by its URL. Node's own function is not there in a browser, where bundles run. */
function pathOf(url: string): string {
  const path = decodeURIComponent(new URL(url).pathname);
  return /^\/[A-Za-z]:\//.test(path) ? path.slice(1).replaceAll('/', '\\') : path;
}
