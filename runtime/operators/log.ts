import type { Site } from '../graph/types.ts';
import { activeBuilder } from '../tracing/builder.ts';
import { print } from '../tracing/logs.ts';
import { uses, varyingOf } from '../tracing/varying.ts';
import { checkPrinted, holdsTraced } from './leaving.ts';

/**
 * `console.log(…)`: for traced values, and in branches and loops of the graph, the line is printed when the model has run,
 * with the values it then has, and so are the lines behind it.
 */
export function log(method: 'log' | 'info' | 'warn' | 'error' | 'debug', values: readonly unknown[], site: Site): void {
  const target = activeBuilder();
  const at = values.findIndex((value) => varyingOf(value)?.builder.open);
  if (at >= 0) {
    uses.distribute(varyingOf(values[at])!, (one) => log(method, values.with(at, one), site));
    return;
  }
  if (target) checkPrinted(target, values, site);
  if (!target || !(target.isRecording || target.lines.length > 0 || holdsTraced(values))) {
    console[method](...values);
    return;
  }
  target.site = site;
  print(target, method, values);
}
