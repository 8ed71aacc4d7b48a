import { OperationError } from '../graph/operation.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { save } from '../tracing/saves.ts';
import type { ModelMap } from './model-map.ts';
import { Ports } from './ports.ts';
import { TypedModel } from './typed-model.ts';
import { Unreadable } from './unreadable.ts';

/** All outputs of a model by the names that its file gives them, saved. */
export function savedOutputs(map: ModelMap): Record<string, unknown> {
  const outputs = new Ports(map, '').readAll('output');
  return Object.fromEntries(outputs.map((output, i) => [map.model.outputs[i]!.name, save(output)]));
}

/**
 * Those that can be read, saved, and an `Unreadable` for each of the others. Throws a TraceError where there would be nothing
 * but those.
 */
export function readableOutputs(forward: TracedForward): Record<string, unknown> {
  const { map } = TypedModel.of(forward);
  const ports = new Ports(map, '');
  const outputs = map.model.outputs.map((_, i) => {
    const texts = ports.texts('output', i);
    if (texts) return save(texts);
    const why = whyUnreadable(forward, i);
    return why === null ? save(ports.read('output', i)) : new Unreadable(why);
  });
  if (outputs.every((output) => output instanceof Unreadable)) return savedOutputs(map);
  return Object.fromEntries(outputs.map((output, i) => [map.model.outputs[i]!.name, output]));
}

function whyUnreadable({ model }: TracedForward, index: number): string | null {
  try {
    model.resolve({ path: '', port: 'output', index, call: 0 });
    return null;
  } catch (error) {
    if (error instanceof OperationError) return error.message;
    throw error;
  }
}
