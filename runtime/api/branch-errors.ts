import { TraceError } from '../errors.ts';
import type { Node, NodeOf } from '../graph/types.ts';

const DONE: Readonly<Partial<Record<Node['op'], string>>> = {
  backward: 'The loss of a backward pass is made',
  forward: 'An attached model is called on what is made',
  setgrad: 'A gradient is set that is made',
};

/** For what cannot be done with a value of a module in a branch of the model. */
export function refusal({ op, site }: Node): TraceError {
  return new TraceError(
    `${DONE[op] ?? 'What is done here depends on what is made'} of a module in a branch of the model, which may not run. Do it with a tensor that is made outside of the branches: the output of the module around.`,
    site,
  );
}

/** For a write of a value that a run did not find. */
export function notThere({ site, attributes }: NodeOf<'write'>): TraceError {
  return new TraceError(
    `${attributes.path || 'the model'}.${attributes.port} is set to a value of a module that did not run: it is in a branch of the model, and the model took another one. Set it from a tensor that is made outside of the branches.`,
    site,
  );
}

/** For a run in which a loop goes on after the last iteration that can be reached. */
export function beyond({ site, attributes: { path, call } }: NodeOf<'read'> | NodeOf<'write'>): TraceError {
  return new TraceError(
    `${path} runs in a loop of the model that goes on: only its first ${call + 1} calls can be read and set, and not all of them, as calls[${call}] here asks. Leave out calls[${call}], or export the model with the loop written out.`,
    site,
  );
}
