import { Session } from 'node:inspector';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { generatedPositionFor, LEAST_UPPER_BOUND, originalPositionFor, TraceMap } from '@jridgewell/trace-mapping';

/** Where a debugger stopped: the user's line, and the names of the variables in the scopes of the function there. */
export interface Stop {
  readonly line: number;
  readonly names: readonly string[];
}

interface Paused {
  readonly callFrames: readonly {
    readonly location: { readonly scriptId: string; readonly lineNumber: number; readonly columnNumber: number };
    readonly scopeChain: readonly { readonly type: string; readonly object: { readonly objectId: string } }[];
  }[];
}

/**
 * Runs a module with an inlined source map in a worker under a debugger that stops at `line`, and steps into whatever is
 * called from there on. Like the debuggers of editors, it goes on where it is in installed code, or at no line of the user's.
 */
export async function stepInto(path: string, line: number): Promise<Stop[]> {
  const session = new Session();
  session.connect();
  const stops: Stop[] = [];
  const answers = new Map<number, (result: never) => void>();
  let workerSession = '';
  const post = <T>(method: string, params: object = {}): Promise<T> =>
    new Promise((resolve) => {
      const id = answers.size + 1;
      answers.set(id, resolve as (result: never) => void);
      const message = JSON.stringify({ id, method, params });
      session.post('NodeWorker.sendMessageToWorker', { sessionId: workerSession, message });
    });
  let script = '';
  let map: TraceMap | null = null;
  const events: Record<string, (params: never) => Promise<void>> = {
    async 'Debugger.scriptParsed'({ url, scriptId, sourceMapURL }: Record<string, string>) {
      if (url !== pathToFileURL(path).href) return;
      script = scriptId!;
      map = new TraceMap(Buffer.from(sourceMapURL!.split(',')[1]!, 'base64').toString());
      const place = generatedPositionFor(map, { source: map.sources[0]!, line, column: 0, bias: LEAST_UPPER_BOUND });
      const location = { scriptId, lineNumber: place.line! - 1, columnNumber: place.column! };
      await post('Debugger.setBreakpoint', { location });
    },
    async 'Debugger.paused'({ callFrames: [frame] }: Paused) {
      const { location, scopeChain } = frame!;
      if (location.scriptId !== script) return post('Debugger.stepOut');
      const at = originalPositionFor(map!, { line: location.lineNumber + 1, column: location.columnNumber });
      if (at.line !== null) {
        const own = scopeChain.filter(({ type }) => type === 'local' || type === 'block');
        const names = own.map(async ({ object }) => {
          const found = await post<{ result: { name: string }[] }>('Runtime.getProperties', object);
          return found.result.map(({ name }) => name);
        });
        stops.push({ line: at.line, names: (await Promise.all(names)).flat() });
      }
      return post('Debugger.stepInto');
    },
  };
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    const { id, result, method, params: told } = JSON.parse(params.message);
    if (id === undefined) events[method]?.(told as never);
    else answers.get(id)?.(result as never);
  });
  session.on('NodeWorker.attachedToWorker', async ({ params }) => {
    workerSession = params.sessionId;
    await post('Debugger.enable');
    await post('Debugger.setBlackboxPatterns', { patterns: ['/node_modules/', '/dist/', '^node:'] });
    await post('Runtime.runIfWaitingForDebugger');
  });
  await new Promise((resolve) => session.post('NodeWorker.enable', { waitForDebuggerOnStart: true }, resolve));
  const worker = new Worker(path, { execArgv: [] });
  await new Promise((resolve, reject) => worker.on('exit', resolve).on('error', reject));
  session.disconnect();
  return stops;
}
