import { saveTensor } from '../tracing/saves.ts';
import type { ModelMap } from './locate.ts';
import { Ports } from './ports.ts';

/** All outputs of a model by the names that its file gives them, saved. */
export function savedOutputs(map: ModelMap): Record<string, unknown> {
  const outputs = new Ports(map, '').readAll('output');
  return Object.fromEntries(outputs.map((output, i) => [map.model.outputs[i]!.name, saveTensor(output)]));
}
