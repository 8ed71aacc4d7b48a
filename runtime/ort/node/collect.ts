import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** After sessions with so many bytes of weights were made, those of models that nobody holds any more are freed. */
const OFTEN = 2 ** 28;

let since = 0;
let collect: (() => void) | null = null;

/**
 * JavaScript's engine frees what nobody holds when its own memory fills up, and does not know what sessions take: models
 * that were loaded one after the other would fill the machine. So it is asked to, before sessions are made.
 */
export function makeRoom(bytes: number): void {
  since += bytes;
  if (since < OFTEN) return;
  since = 0;
  collect ??= collector();
  collect();
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const found: () => void = runInNewContext('gc');
  setFlagsFromString('--no-expose-gc');
  return found;
}
