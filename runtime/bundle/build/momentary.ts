import { syncBuiltinESMExports } from 'node:module';
import { inPlaceOf } from '../../operators/intrinsics.ts';
import { activeBuilder } from '../../tracing/builder.ts';
import { pure } from '../../tracing/harmless.ts';
import { type Caller, usersPlace } from './callers.ts';
import { CHANCE, FILES, LOCALE, MACHINE, PROPERTIES, type Watched } from './surroundings.ts';

/** Files of data that a user's program reads with this library: a model and what stands beside it are no data of a block. */
const DATA = /\.(npy|npz|safetensors)'\)$/;

const ENVIRONMENT = 'process.env';

/**
 * Runs what loads the user's files or builds a bundle of them, and tells what their code asked of chance, the clock, the
 * machine and its files meanwhile: what the bundle has of that stays in it.
 */
export async function noteMomentary<T>(work: () => Promise<T>): Promise<{ result: T; notes: string[] }> {
  const notes = new Set<string>();
  const restore = watchAll((shown, trap, isAsked) => {
    const place = usersPlace(trap, isAsked);
    if (place === null) return;
    // a copy of all variables asks for each of them
    if (shown.startsWith(`${ENVIRONMENT}.`) && notes.has(noteOf(place, ENVIRONMENT))) return;
    notes.add(noteOf(place, shown));
  });
  syncBuiltinESMExports();
  try {
    return { result: await work(), notes: [...notes] };
  } finally {
    for (const one of restore.reverse()) one();
    syncBuiltinESMExports();
  }
}

function noteOf(place: string, shown: string): string {
  const asked = shown.endsWith(')') ? ['called', 'result'] : ['read', 'value'];
  return `${place} - ${shown} is ${asked[0]} while the bundle is built, and its ${asked[1]} stays in the bundle. What shall differ from run to run is a parameter.`;
}

/** @param trap the function that noticed it: what called that has asked */
type Note = (shown: string, trap: object, isAsked: (by: Caller) => boolean) => void;

/** Returns what puts everything back. */
function watchAll(note: Note): (() => void)[] {
  // the operators of a block are the user's code, too
  const byUser = (by: Caller) => by === 'user' || (by === 'onnsight' && activeBuilder() !== null);
  return [
    ...CHANCE.map((one) => watchCalls(one, note, () => true)),
    ...[...MACHINE, ...LOCALE].map((one) => watchCalls(one, note, byUser)),
    ...FILES.map((one) => watchCalls(one, note, (by, shown) => byUser(by) || (by === 'onnsight' && DATA.test(shown)))),
    ...PROPERTIES.map(([holder, name, prefix]) => {
      let value: unknown = Reflect.get(holder, name);
      const get = () => {
        note(`${prefix}${name}`, get, byUser);
        return value;
      };
      const set = (next: unknown) => {
        value = next;
      };
      return replace(holder, name, { get, set });
    }),
    replace(process, 'env', { writable: true, value: watchedEnvironment(process.env, note, byUser) }),
    replace(globalThis, 'Date', { writable: true, value: inPlaceOf(Date, watchedClock(Date, note)) }),
  ];
}

/** Puts something in the place of a property. Returns what puts it back. */
function replace(holder: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  Object.defineProperty(holder, name, { enumerable: before?.enumerable ?? false, ...property, configurable: true });
  return () => void (before ? Object.defineProperty(holder, name, before) : Reflect.deleteProperty(holder, name));
}

function watchCalls(
  [holder, name, show]: Watched,
  note: Note,
  isAsked: (by: Caller, shown: string) => boolean,
): () => void {
  const told = (values: readonly unknown[], trap: object) => {
    const shown = show(values);
    if (shown !== null) note(shown, trap, (by) => isAsked(by, shown));
  };
  const original = Reflect.get(holder, name) as () => unknown;
  const handler = {
    apply(fn: () => unknown, receiver: unknown, values: unknown[]): unknown {
      told(values, handler.apply);
      return Reflect.apply(fn, receiver, values);
    },
    construct(fn: () => unknown, values: unknown[], target: () => unknown): object {
      told(values, handler.construct);
      return Reflect.construct(fn, values, target);
    },
  };
  return replace(holder, name, { writable: true, value: inPlaceOf(original, pure(new Proxy(original, handler))) });
}

function watchedEnvironment(env: NodeJS.ProcessEnv, note: Note, isAsked: (by: Caller) => boolean): NodeJS.ProcessEnv {
  const handler = {
    get(_: object, key: string | symbol): unknown {
      if (typeof key === 'string') note(`${ENVIRONMENT}.${key}`, handler.get, isAsked);
      return Reflect.get(env, key);
    },
    has(_: object, key: string | symbol): boolean {
      note(`${ENVIRONMENT}.${String(key)}`, handler.has, isAsked);
      return Reflect.has(env, key);
    },
    ownKeys(): (string | symbol)[] {
      note(ENVIRONMENT, handler.ownKeys, isAsked);
      return Reflect.ownKeys(env);
    },
  };
  return new Proxy(env, handler) as NodeJS.ProcessEnv;
}

function watchedClock(clock: DateConstructor, note: Note): DateConstructor {
  const always = () => true;
  const now = pure(() => {
    note('Date.now()', now, always);
    return clock.now();
  });
  inPlaceOf(clock.now, now);
  const handler = {
    construct(type: DateConstructor, values: [], target: object): object {
      if (values.length === 0) note('new Date()', handler.construct, always);
      return Reflect.construct(type, values, target === globalThis.Date ? type : (target as DateConstructor));
    },
    apply(type: DateConstructor): string {
      note('Date()', handler.apply, always);
      return type();
    },
    get: (type: DateConstructor, key: string) => (key === 'now' ? now : Reflect.get(type, key)),
  };
  return new Proxy(clock, handler);
}
