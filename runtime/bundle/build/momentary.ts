import { callerSite } from '../../tracing/caller.ts';
import { pure } from '../../tracing/harmless.ts';

/** Functions whose result is of the moment, by the objects that hold them. */
const FUNCTIONS: readonly (readonly [holder: object, name: string, shown: string])[] = [
  [Math, 'random', 'Math.random()'],
  [performance, 'now', 'performance.now()'],
  [process, 'hrtime', 'process.hrtime()'],
  [crypto, 'randomUUID', 'crypto.randomUUID()'],
  [crypto, 'getRandomValues', 'crypto.getRandomValues()'],
];

/**
 * Runs what builds a bundle, and tells what the user's code asked of chance or the clock meanwhile: those values stay
 * in the bundle.
 */
export async function noteMomentary<T>(build: () => Promise<T>): Promise<{ result: T; notes: string[] }> {
  const notes = new Set<string>();
  const note = (shown: string) => {
    const site = callerSite();
    if (!site) return;
    notes.add(
      `${site.file}:${site.line}:${site.column} - ${shown} is called while the bundle is built, and its result stays in the bundle. What shall differ from run to run is a parameter.`,
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
  try {
    return { result: await build(), notes: [...notes] };
  } finally {
    globalThis.Date = clock;
    for (const one of restore) one();
  }
}
