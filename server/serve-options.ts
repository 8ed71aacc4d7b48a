import { unknownOption } from '../runtime/nearest.ts';
import type { ServeOptions } from './index.ts';
import { UsageError } from './usage-error.ts';

/** What an option takes: its text in errors, and the test. */
interface Kind {
  readonly text: string;
  readonly fits: (value: unknown) => boolean;
}

const isText = (value: unknown) => typeof value === 'string';
const text: Kind = { text: 'a text', fits: isText };
const texts: Kind = { text: 'an array of texts', fits: (value) => Array.isArray(value) && value.every(isText) };

const OPTIONS: Readonly<Record<keyof ServeOptions, Kind>> = {
  models: texts,
  host: text,
  port: { text: 'a whole number from 0 to 65535', fits: (value) => Number.isInteger(value) && isPort(value as number) },
  tokens: text,
  edits: text,
  redis: text,
  store: text,
  imports: texts,
  limits: { text: 'an object', fits: (value) => typeof value === 'object' && value !== null },
  log: { text: 'true or false', fits: (value) => typeof value === 'boolean' },
};

/** @throws UsageError for options that are not there, are missing, or are of another kind */
export function checkServeOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new UsageError("serve takes one object: serve({ models: ['models/gpt2'] }).");
  }
  const wrong = unknownOption('serve', options, Object.keys(OPTIONS));
  if (wrong !== null) throw new UsageError(`${wrong}.`);
  for (const [name, { text, fits }] of Object.entries(OPTIONS)) {
    const value: unknown = Reflect.get(options, name);
    if (value === undefined ? name === 'models' : !fits(value)) {
      throw new UsageError(`The option ${name} of serve is ${text}, not ${JSON.stringify(value) ?? typeof value}.`);
    }
  }
}

function isPort(value: number): boolean {
  return value >= 0 && value <= 65535;
}
