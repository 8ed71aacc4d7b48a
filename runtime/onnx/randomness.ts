import { constantsIn } from './constants.ts';
import { canonicalDomain } from './domains.ts';
import { LocalFunctions } from './functions.ts';
import type { FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto } from './proto.ts';
import { subgraphsOf } from './subgraphs.ts';

/** The operators that draw random numbers from a source of their own, which begins with their attribute `seed`. */
const SEEDED: ReadonlySet<string> = new Set([
  ' Bernoulli',
  ' Multinomial',
  ' RandomNormal',
  ' RandomNormalLike',
  ' RandomUniform',
  ' RandomUniformLike',
]);

/** The operators that draw whenever they run. */
const DRAWING: ReadonlySet<string> = new Set([...SEEDED, 'com.microsoft Sampling']);

/** The operators that draw in training only, from the process's source unless they have a seed, and the input that says whether it is training. */
const DRAWING_IN_TRAINING: ReadonlyMap<string, number> = new Map([
  [' Dropout', 2],
  ['com.microsoft BiasDropout', 4],
  ['com.microsoft BitmaskBiasDropout', 4],
  ['com.microsoft BitmaskDropout', 2],
]);

/** The value of a boolean tensor, as far as the file tells. An input that is left out ('') is false. */
type Flags = (tensor: string) => boolean | undefined;

/** Whether a model may give other results when it runs again. */
export function isRandom({ graph, functions }: ModelProto): boolean {
  return graph?.node.some(drawingIn(graph, functions)) ?? false;
}

/**
 * Tells which nodes of a graph draw random numbers: operators that do, and calls of functions and nodes with
 * subgraphs that contain such a node. This alone decides what is the same in every run, and what may be computed again.
 */
export function drawingIn(graph: GraphProto, functions: readonly FunctionProto[]): (node: NodeProto) => boolean {
  const local = new LocalFunctions(functions);
  const flags = flagsIn(graph, (name) => (name === '' ? false : undefined));
  return (node) => draws(node, flags, local, []);
}

/** @param calls the functions that are being called: a function must not call itself */
function draws(node: NodeProto, flags: Flags, local: LocalFunctions, calls: readonly FunctionProto[]): boolean {
  const called = local.calledBy(node);
  if (called !== undefined) {
    if (calls.includes(called)) return false;
    const inner = flagsIn(called, (name) => {
      const position = called.input.indexOf(name);
      return position < 0 ? undefined : flags(node.input[position] ?? '');
    });
    return called.node.some((one) => draws(one, inner, local, [...calls, called]));
  }
  const operator = operatorOf(node);
  if (DRAWING.has(operator)) return true;
  const training = DRAWING_IN_TRAINING.get(operator);
  // Only the run may tell whether it is training.
  if (training !== undefined && flags(node.input[training] ?? '') !== false) return true;
  return subgraphsOf(node).some((subgraph) => {
    const inner = flagsIn(subgraph, flags);
    return subgraph.node.some((one) => draws(one, inner, local, calls));
  });
}

/** Whether a node draws from a source of its own, which it seeds. */
export function isSeeded(node: NodeProto): boolean {
  return SEEDED.has(operatorOf(node));
}

function operatorOf({ domain, opType }: NodeProto): string {
  return `${canonicalDomain(domain)} ${opType}`;
}

/** The flags among the constants of a graph or of a function, then those that are seen from around it. */
function flagsIn(scope: GraphProto | FunctionProto, outer: Flags): Flags {
  const constants = constantsIn(scope);
  return (name) => {
    const tensor = constants.get(name);
    return tensor === undefined ? outer(name) : flagOf(tensor);
  };
}

function flagOf({ rawData, int32Data }: TensorProto): boolean | undefined {
  const value = rawData[0] ?? int32Data[0];
  return value === undefined ? undefined : value !== 0;
}
