import type { Site } from '../graph/types.ts';
import { or } from './conditionals.ts';
import { math } from './math.ts';

/** A position as methods of JavaScript count: without its fraction, and 0 for NaN. */
export function whole(position: unknown, site: Site): unknown {
  return or(math('trunc', [position], site), () => 0, site);
}
