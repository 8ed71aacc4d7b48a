import * as onnsight from 'onnsight';
import { factor } from './factor.js';

/** What a host must strip, and lines that say nothing at run time. */
interface Options {
  by: number;
}

function scaled(x: number, options: Options): number {
  'use trace';
  const tooMuch = (name: string, cause: number): RangeError => new RangeError(name, { cause });
  if (options.by > 9) {
    throw tooMuch('too much', options.by);
  }
  return x * options.by + 1;
}

const model = { name: typeof onnsight, trace: <T>(run: () => T): T => run() };
const traced = model.trace(() => factor * 2);

console.log(JSON.stringify({ scaled: scaled(2, { by: 3 }), traced, sites: Reflect.get(globalThis, 'operatorSites') }));
scaled(1, { by: 10 });
