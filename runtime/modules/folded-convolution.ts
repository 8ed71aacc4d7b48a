import type { NodeProto } from '../onnx/proto.ts';
import type { CallContext } from './call-context.ts';
import type { Module } from './module.ts';
import { nodePath, pathOf } from './path-names.ts';

/** Where convolutions have their weight and their bias; what quantizes dynamically adds the bias in another node. */
const WEIGHTS: ReadonlyMap<string, readonly [weight: number, bias: number | null]> = new Map([
  ['Conv', [1, 2]],
  ['ConvTranspose', [1, 2]],
  ['QLinearConv', [3, 8]],
  ['ConvInteger', [1, null]],
]);

/** What quantizers put between a parameter and its reader. */
const HANDED_ON = new Set(['DequantizeLinear', 'Reshape', 'Identity']);

/** What ONNX Runtime calls weights and biases into which it has folded what stood behind a convolution. */
const FOLDED_BY_RUNTIME = /^Conv(Add|Mul|Bn)Fusion_/;

/** Whether the result of a node has the name of what another module made. */
function makesAnothers(node: NodeProto): boolean {
  return pathOf(node.output[0]!) !== nodePath(node);
}

/**
 * Whether a module computes the value of the batch norm behind it: the TorchScript exporter gives a convolution a new,
 * nameless weight and bias when it folds one into it. A weight that it has only computed (a weight norm) leaves the bias
 * its name. So does ONNX Runtime with batch norms, and with sums and products by constants, at all levels.
 */
export function isFoldedConvolution({ children, operations, calls }: Module, { graph, links }: CallContext): boolean {
  const nodes = operations.map(({ node }) => graph.node[node]!);
  const convolution = nodes.find(({ opType }) => WEIGHTS.has(opType));
  if (convolution === undefined || calls.length === 0 || children.size > 0) return false;
  const parameter = (name: string): string | null => {
    let source = name;
    let maker = graph.node[links.maker.get(source) ?? -1];
    while (maker && HANDED_ON.has(maker.opType)) {
      source = maker.input[0]!;
      maker = graph.node[links.maker.get(source) ?? -1];
    }
    return links.initializers.has(source) ? source : null;
  };
  const [weight, bias] = WEIGHTS.get(convolution.opType)!;
  if (convolution.input.some((name) => FOLDED_BY_RUNTIME.test(name)) && makesAnothers(convolution)) return true;
  const added = nodes.filter(({ opType }) => opType === 'Add').flatMap(({ input }) => input);
  const biases = bias === null ? added : [convolution.input[bias] ?? ''];
  const parameters = [parameter(convolution.input[weight] ?? ''), ...biases.map(parameter)].filter(
    (name) => name !== null,
  );
  return parameters.length === 2 && parameters.every((name) => name.startsWith('onnx::'));
}
