import { TraceError } from '../errors.ts';
import { builder } from './builder.ts';
import { inner } from './hidden.ts';
import { TensorProxy } from './proxy.ts';

/**
 * Refuses to say whether a gradient that `allowUnused` lets be undefined is there: only the run tells whether the loss
 * depends on its tensor.
 */
export function checkAsked(value: unknown): void {
  if (!(value instanceof TensorProxy) || !value[inner].builder.open) return;
  const { node } = value[inner].root.content;
  const given = node?.op === 'permute' ? node.inputs[0]!.node : node;
  if (given?.op !== 'grad' || given.attributes.unused !== 'absent') return;
  throw new TraceError(
    'Whether this gradient is undefined is known only after the run: grad was called with { allowUnused: true }. Ask what comes back, or take zeros in its place: { materializeGrads: true }.',
    builder().site,
  );
}
