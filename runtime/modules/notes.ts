import { subgraphsOf } from '../onnx/subgraphs.ts';
import type { CallContext } from './call-context.ts';
import { type Draft, ensure } from './draft.ts';
import { isFoldedConvolution } from './folded-convolution.ts';
import { walk } from './module.ts';

/**
 * Notes what happened to modules without nodes: modules with only parameters left, gaps in numbered lists,
 * and convolutions that carry the values of the batch norm behind them.
 */
export function noteModules(root: Draft, context: CallContext, parameters: ReadonlySet<string>): void {
  noteParameters(root, context, parameters);
  for (const module of root.children.values()) noteContainers(module);
  const present = [...walk(root)];
  for (const module of present) noteGaps(root, module, context);
  for (const module of present) {
    if (module.note === null && isFoldedConvolution(module, context)) fuse(module, null);
  }
}

/**
 * A module that the file names by a parameter only runs inside the node that reads the parameter, where this is an If, a
 * Loop or a Scan; else it was folded into the module of that node.
 */
function noteParameters(root: Draft, { graph, links, scopes }: CallContext, parameters: ReadonlySet<string>): void {
  for (const parameter of parameters) {
    const path = parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));
    const module = ensure(root, path);
    if (module.operations.length > 0 || module.children.size > 0) continue;
    const reader = links.readers.get(parameter)?.[0];
    if (reader === undefined) continue;
    const { opType, input } = graph.node[reader]!;
    const into = scopes[reader]!.modules.at(-1);
    if (subgraphsOf(graph.node[reader]!).length > 0 && !input.includes(parameter)) {
      module.note = { kind: 'inside', node: reader, opType };
    } else if (into !== undefined) module.note = { kind: 'fused', into, node: reader };
  }
}

/** A module that has nothing but modules inside of one node runs inside of it, too. */
function noteContainers(module: Draft): void {
  for (const child of module.children.values()) noteContainers(child);
  const [first, ...others] = [...module.children.values()].map(({ note }) => note);
  if (module.operations.length > 0 || first?.kind !== 'inside') return;
  if (others.every((note) => note?.kind === 'inside' && note.node === first.node)) module.note = first;
}

/**
 * A Sequential whose children run 0, 2, 3 has lost its child 1: a dropout, whose output is what child 2 reads of
 * child 0; or a batch norm folded into the convolution before it, whose value the convolution's node now computes.
 */
function noteGaps(root: Draft, module: Draft, context: CallContext): void {
  const numbers = [...module.children.keys()].map(Number).sort((a, b) => a - b);
  if (module.calls.length === 0 || numbers.some((number) => !Number.isInteger(number))) return;
  for (const [i, number] of numbers.entries()) {
    const next = numbers[i + 1];
    if (next === undefined || next === number + 1) continue;
    const before = module.children.get(String(number))!;
    const after = module.children.get(String(next))!;
    const values = before.calls.map(({ outputs }) => outputs[0]!);
    if (values.length === 0 || values.some((value, call) => after.calls[call]?.inputs[0] !== value)) continue;
    const missing = Array.from({ length: next - number - 1 }, (_, k) => number + 1 + k);
    const path = (index: number) => (module.path === '' ? String(index) : `${module.path}.${index}`);
    const folded = isFoldedConvolution(before, context);
    for (const [k, index] of missing.entries()) {
      const lost = ensure(root, path(index));
      if (folded && k === 0) {
        lost.calls = before.calls;
        lost.operations = before.operations;
        fuse(before, lost.path);
      } else {
        lost.calls = values.map((value) => ({ inputs: [value], outputs: [value], order: 'sure', nodes: [] }));
        lost.note = { kind: 'identity' };
      }
    }
  }
}

function fuse(module: Draft, into: string | null): void {
  module.calls = [];
  module.note = { kind: 'fused', into };
}
