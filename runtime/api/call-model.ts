import { TraceError } from '../errors.ts';
import { asTraced } from '../functions/nodes.ts';
import type { Address } from '../graph/ops.ts';
import { toProxy } from '../tracing/apply.ts';
import { builder } from '../tracing/builder.ts';
import { inner } from '../tracing/hidden.ts';
import { owning } from '../tracing/proxy.ts';
import type { Traced } from '../types/tensor.ts';
import { fittedInput } from './fitted-input.ts';
import type { LoadedModel } from './loaded-model.ts';
import type { Place } from './place.ts';
import { shapesOf } from './shapes.ts';
import { activeTracing } from './tracing.ts';

/**
 * Runs another model on values of this forward: an autoencoder, a probe, with its edits. Gives its main output; its
 * modules can be read and set after the call.
 * @param place where the model is attached; null: it is called by itself
 */
export function callModel(model: LoadedModel, values: readonly unknown[], place: Place | null): Traced {
  const target = builder();
  const { map } = model;
  const { inputs } = map.model;
  const main = target.forward;
  if (!main) {
    throw new TraceError('A model is called on a traced value between the traces of a session.', target.site);
  }
  if (values.length !== inputs.length) {
    throw new TraceError(
      `${map.model.path} takes ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')}), but ${values.length} are given.`,
      target.site,
    );
  }
  const symbolic = map.formulas;
  if (!symbolic) {
    throw new TraceError(
      `${map.model.path} is called in a block, but is not a part of the traced model. Attach it before the trace: model.transformer.h[0].sae = other; for an intervention: { attach: { 'transformer.h.0.sae': other } } after its block.`,
      target.site,
    );
  }
  const proxies = values.map((value, i) => {
    const input = inputs[i]!;
    return fittedInput(toProxy(value), input, `The input '${input.name}' of the model`);
  });
  const dims = Object.fromEntries(proxies.map(({ [inner]: { type } }, i) => [inputs[i]!.name, type.shape ?? []]));
  const visible = proxies.map((proxy) => {
    const value = proxy[inner].value();
    if (!target.scope.visibleIn(value, main.region)) {
      throw new TraceError(
        'A model is called on a value that is made in the body of a traced condition or loop. Call it before, on a value from outside.',
        target.site,
      );
    }
    return value;
  });
  if (model.edits.length > 0 && target.isBranching) {
    throw new TraceError(
      'A model that has edits is called in the body of a traced condition or loop, where its edits cannot stand. Call it before, outside of the condition or loop.',
      target.site,
    );
  }
  const tracing = activeTracing()!;
  const forward = tracing.forwards.openInside(main, model, shapesOf(symbolic, symbolic.sizes(dims)), place);
  const attributes = { inputs: inputs.map(({ name }) => name), forward: forward.id };
  target.addTyped('forward', visible, [], attributes, [], main.region);
  model.runEdits(tracing, forward);
  const address: Address = { path: '', port: 'output', index: 0, call: 0 };
  const output = forward.read(address).content;
  const returned = target.addTyped('getitem', [output], [output.type], { items: [] }, [], main.region).outputs[0]!;
  return asTraced(owning(target, forward.return(address, returned)));
}
