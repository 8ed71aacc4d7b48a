import nodeCrypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { pure } from '../../tracing/harmless.ts';
import { shownFile } from '../../tracing/shown-file.ts';
import { userFrame } from '../../user-frames.ts';

/** Functions whose result is of the moment, by the objects that hold them. */
const FUNCTIONS: readonly (readonly [holder: object, name: string, shown: string])[] = [
  [Math, 'random', 'Math.random()'],
  [performance, 'now', 'performance.now()'],
  [process.hrtime, 'bigint', 'process.hrtime.bigint()'],
  [process, 'hrtime', 'process.hrtime()'],
  [process, 'uptime', 'process.uptime()'],
  [crypto, 'randomUUID', 'crypto.randomUUID()'],
  [crypto, 'getRandomValues', 'crypto.getRandomValues()'],
  ...['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync'].map(
    (name) => [nodeCrypto, name, `crypto.${name}()`] as const,
  ),
];

/**
 * Runs what loads the user's files or builds a bundle of them, and tells what their code asked of chance or the clock
 * meanwhile: what the bundle has of that stays in it.
 */
export async function noteMomentary<T>(work: () => Promise<T>): Promise<{ result: T; notes: string[] }> {
  const notes = new Set<string>();
  const note = (shown: string) => {
    const place = usersPlace();
    if (place === null) return;
    notes.add(
      `${place} - ${shown} is called while the bundle is built, and its result stays in the bundle. What shall differ from run to run is a parameter.`,
    );
  };
  const restore = FUNCTIONS.map(([holder, name, shown]) => {
    const own = Object.getOwnPropertyDescriptor(holder, name);
    const original: unknown = Reflect.get(holder, name);
    const noting = new Proxy(original as () => unknown, {
      apply(fn, receiver, values) {
        note(shown);
        return Reflect.apply(fn, receiver, values);
      },
    });
    Object.defineProperty(holder, name, { configurable: true, writable: true, value: pure(noting) });
    return () => (own ? Object.defineProperty(holder, name, own) : Reflect.deleteProperty(holder, name));
  });
  const { Date: clock } = globalThis;
  globalThis.Date = new Proxy(clock, {
    construct(type, values, target) {
      if (values.length === 0) note('new Date()');
      return Reflect.construct(type, values, target === globalThis.Date ? type : target);
    },
    apply(type, receiver, values) {
      note('Date()');
      return Reflect.apply(type, receiver, values);
    },
    get(type, key) {
      if (key !== 'now') return Reflect.get(type, key);
      return () => {
        note('Date.now()');
        return type.now();
      };
    },
  });
  syncBuiltinESMExports();
  try {
    return { result: await work(), notes: [...notes] };
  } finally {
    globalThis.Date = clock;
    for (const one of restore.reverse()) one();
    syncBuiltinESMExports();
  }
}

/** The line of the user's own code that asks; null if a library does so for itself while it is loaded. */
function usersPlace(): string | null {
  const usual = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const { stack = '' } = new Error();
  Error.stackTraceLimit = usual;
  for (const line of stack.split('\n').slice(1)) {
    if (line.includes('node:internal/modules/')) return null;
    const frame = userFrame(line);
    if (frame && !/[\\/]node_modules[\\/]/.test(frame.file)) {
      return `${shownFile(frame.file)}:${frame.line}:${frame.column}`;
    }
  }
  return null;
}
