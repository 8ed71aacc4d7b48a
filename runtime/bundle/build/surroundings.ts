import childProcess from 'node:child_process';
import nodeCrypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';

/** A function whose result is of the moment or of the machine: the object that holds it, its name, and how to show a call. */
export type Watched = readonly [holder: object, name: string, shown: (values: readonly unknown[]) => string | null];

const called = (shown: string) => () => `${shown}()`;
const functionsOf = (holder: object, prefix: string, names: readonly string[]): Watched[] =>
  names
    .filter((name) => typeof Reflect.get(holder, name) === 'function')
    .filter((name) => Object.getOwnPropertyDescriptor(holder, name)?.configurable !== false)
    .map((name) => [holder, name, called(`${prefix}${name}`)]);

/** Of chance and of the clock, whoever calls them for the user. */
export const CHANCE: readonly Watched[] = [
  ...functionsOf(Math, 'Math.', ['random']),
  ...functionsOf(performance, 'performance.', ['now', 'mark', 'measure', 'toJSON']),
  ...functionsOf(process.hrtime, 'process.hrtime.', ['bigint']),
  ...functionsOf(process, 'process.', ['hrtime', 'uptime']),
  ...functionsOf(crypto, 'crypto.', ['randomUUID', 'getRandomValues']),
  ...functionsOf(
    nodeCrypto,
    'crypto.',
    Object.keys(nodeCrypto).filter((name) => /^(random|generate)|^getRandomValues$/.test(name)),
  ),
];

/** Of the machine and the folder; what libraries ask for themselves is their own matter. */
export const MACHINE: readonly Watched[] = [
  ...functionsOf(process, 'process.', ['cwd', 'memoryUsage', 'cpuUsage', 'resourceUsage', 'getuid', 'umask']),
  ...functionsOf(os, 'os.', Object.keys(os)),
  ...functionsOf(childProcess, '', ['exec', 'execFile', 'execFileSync', 'execSync', 'fork', 'spawn', 'spawnSync']),
  ...functionsOf(globalThis, '', ['fetch']),
];

/** Of files: those that tell what is in them, or that they are there. */
export const FILES: readonly Watched[] = [fs, fs.promises].flatMap((holder) =>
  Object.keys(holder)
    .filter((name) => /^(access|createRead|exists|glob|lstat|open|read|realpath|stat)/.test(name))
    .map((name): Watched => [holder, name, ([path]) => `${name}(${shownPath(path)})`]),
);

/** Of the user's place and language, where a call doesn't name them. */
export const LOCALE: readonly Watched[] = [
  ...Object.getOwnPropertyNames(Date.prototype)
    .filter((name) => /^get(?!UTC|Time$)|^to(Locale|Date|Time)?String$|^toLocale/.test(name))
    .map((name): Watched => [Date.prototype, name, called(`Date.prototype.${name}`)]),
  ...[Number, BigInt, Array, String]
    .flatMap((type) =>
      ['toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase'].map((name) => [type, name] as const),
    )
    .filter(([type, name]) => Object.hasOwn(type.prototype, name))
    .map(([type, name]): Watched => [type.prototype, name, unlessNamed(0, `${type.name}.prototype.${name}()`)]),
  [String.prototype, 'localeCompare', unlessNamed(1, 'String.prototype.localeCompare()')],
  ...['Collator', 'DateTimeFormat', 'ListFormat', 'NumberFormat', 'PluralRules', 'RelativeTimeFormat'].map(
    (name): Watched => [Intl, name, unlessNamed(0, `Intl.${name}()`)],
  ),
];

/** What an object of the process tells without a call. */
export const PROPERTIES: readonly (readonly [holder: object, name: string, prefix: string])[] = [
  ...['arch', 'argv', 'execArgv', 'execPath', 'pid', 'platform', 'ppid', 'title', 'version', 'versions'].map(
    (name) => [process, name, 'process.'] as const,
  ),
  [performance, 'timeOrigin', 'performance.'],
  ...('navigator' in globalThis ? [[globalThis, 'navigator', ''] as const] : []),
];

function shownPath(path: unknown): string {
  return typeof path === 'string' ? `'${path}'` : path instanceof URL ? `'${path.href}'` : '…';
}

function unlessNamed(place: number, shown: string) {
  return (values: readonly unknown[]) => (values[place] === undefined ? shown : null);
}
