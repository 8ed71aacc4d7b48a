import { unknownOption } from '../runtime/nearest.ts';
import type { ServeOptions } from './index.ts';
import type { WorkOptions } from './queue/worker.ts';
import { UsageError } from './usage-error.ts';

/** What an option takes: its text in errors, and the test. */
interface Kind {
  readonly text: string;
  readonly fits: (value: unknown) => boolean;
}

const isText = (value: unknown) => typeof value === 'string';
const text: Kind = { text: 'a text', fits: isText };
const models: Kind = {
  text: 'an array of at least one text',
  fits: (value) => texts.fits(value) && (value as readonly unknown[]).length > 0,
};
const object: Kind = {
  text: 'an object',
  fits: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
};
const texts: Kind = { text: 'an array of texts', fits: (value) => Array.isArray(value) && value.every(isText) };

const SERVE: Readonly<Record<keyof ServeOptions, Kind>> = {
  models,
  host: text,
  port: { text: 'a whole number from 0 to 65535', fits: (value) => Number.isInteger(value) && isPort(value as number) },
  tokens: text,
  edits: text,
  redis: text,
  store: text,
  imports: texts,
  limits: object,
  log: { text: 'true or false', fits: (value) => typeof value === 'boolean' },
};

const WORK: Readonly<Record<keyof WorkOptions, Kind>> = {
  models,
  redis: text,
  store: text,
  limits: object,
  edits: text,
  imports: texts,
};

export function checkServeOptions(options: unknown, more: readonly unknown[]): void {
  check('serve', "{ models: ['models/gpt2'] }", options, SERVE, ['models'], more);
}

export function checkWorkOptions(options: unknown, more: readonly unknown[]): void {
  const example = "{ models: ['models/gpt2'], redis: 'redis://localhost:6379' }";
  check('work', example, options, WORK, ['models', 'redis'], more);
}

/** @throws UsageError for options that are not there, are missing, or are of another kind, and for more arguments */
function check(
  call: string,
  example: string,
  options: unknown,
  kinds: Readonly<Record<string, Kind>>,
  needed: readonly string[],
  more: readonly unknown[],
): void {
  if (!object.fits(options) || more.length > 0) throw new UsageError(`${call} takes one object: ${call}(${example}).`);
  const wrong = unknownOption(call, options as object, Object.keys(kinds));
  if (wrong !== null) throw new UsageError(`${wrong}.`);
  for (const [name, { text, fits }] of Object.entries(kinds)) {
    const value: unknown = Reflect.get(options as object, name);
    if (value === undefined ? needed.includes(name) : !fits(value)) {
      throw new UsageError(`The option ${name} of ${call} is ${text}, not ${JSON.stringify(value) ?? typeof value}.`);
    }
  }
}

function isPort(value: number): boolean {
  return value >= 0 && value <= 65535;
}
