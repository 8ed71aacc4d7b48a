import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import { type Module, walk } from '../modules/module.ts';
import { elementTypeName } from '../onnx/dtypes.ts';
import type { OnnxModel } from '../onnx/model.ts';

/** A model and its modules, by their paths. */
interface Modules {
  readonly model: OnnxModel;
  readonly tree: Module;
  find(path: string): Module;
  has(path: string): boolean;
}

/**
 * Refuses outputs whose order the file does not tell, and the output of an LSTM, GRU or RNN of which it has only the final
 * states: PyTorch's is the sequence. A model returns what its file declares.
 */
export function checkReturned(map: Modules, { path, call }: Address, tensor: string | undefined): void {
  const { model } = map;
  const module = map.find(path);
  if (module.calls[call]?.order === 'unknown') {
    const made = module.calls[call].outputs.flatMap((output) => {
      const found = module.operations.find(({ node }) => model.graph.node[node]!.output.includes(output));
      if (found === undefined) return [];
      const { output: all } = model.graph.node[found.node]!;
      return [`${path}.ops.${found.name}.${all.length === 1 ? 'output' : `outputs[${all.indexOf(output)}]`}`];
    });
    if (made.length === 1) {
      throw new OperationError(
        `what is used of '${path}' are parts of ${made[0]}, and its file does not tell whether the module returns these or the whole. The parts are outputs of what divides it: ${dividers(model, module, call)}`,
      );
    }
    const where =
      made.length > 0 ? `Use them where they are made: ${made.join(', ')}` : 'None of them is made by its operations.';
    throw new OperationError(
      `'${path}' returns several tensors, and its file does not tell which of them is the first in PyTorch. ${where}`,
    );
  }
  if (module.calls[call]?.order === 'cut') {
    throw cut(`'${path}' may end behind products`);
  }
  if (module.calls[call]?.order === 'pooled') {
    throw new OperationError(
      `only what is pooled leaves '${path}' in this file, and PyTorch's module may return what it is pooled of before that, as transformers' models do. Use ${poolerOf(map, module, tensor!)}`,
    );
  }
  if (module.calls[call]?.order === 'listed') {
    throw new OperationError(
      `only what the last of its layers makes leaves '${path}' in this file, and PyTorch's module may return a list of what all of them make, as feature pyramids do. Use the output of the layer: ${layerOf(map, module, tensor!)}.output`,
    );
  }
  if (tensor === undefined || path === '') return;
  checkTable(model, path, tensor);
  if (!model.finalStates.has(tensor)) return;
  throw new OperationError(
    `the model uses only the final states of '${path}', and its file does not have the sequence that PyTorch returns first. The states are outputs of its operations: ${path}.ops`,
  );
}

/** Refuses what enters a module that may have begun before. */
export function checkEntered(map: Modules, { path, call }: Address): void {
  if (map.find(path).calls[call]?.isCut) throw cut(`'${path}' may begin before products`);
}

/** What has quantized a file of the dynamo exporter has dropped which modules its products are of. */
function cut(where: string): OperationError {
  return new OperationError(
    `${where} whose modules this file no longer tells: what has quantized it has dropped that. Operations can be read by the names of their nodes, get('…').output. Or take the file that was quantized, or quantize one that was exported with dynamo=False, in which names tell`,
  );
}

/** The nodes that divide what a module makes. */
function dividers(model: OnnxModel, { calls }: Module, call: number): string {
  const output = calls[call]!.outputs[0]!;
  return model.graph.node.flatMap(({ name, input }) => (input.includes(output) ? [`get('${name}')`] : [])).join(', ');
}

/** Where what is pooled is found, and what it is pooled of. */
function poolerOf(map: Modules, { path, operations }: Module, pooled: string): string {
  const pooler = `${path}.pooler`;
  if (map.has(pooler)) return `${pooler}.input or ${pooler}.output`;
  const inner = [...walk(map.tree)].findLast(
    (one) => one.path.startsWith(`${path}.`) && one.calls.some(({ outputs }) => outputs.includes(pooled)),
  );
  if (inner) return `${inner.path}.output, or the output of the last layer`;
  const found = operations.find(({ node }) => map.model.graph.node[node]!.output.includes(pooled))!;
  return `${path}.ops.${found.name}.output, or the output of the last layer`;
}

/** The layer that makes a tensor. */
function layerOf(map: Modules, { path }: Module, tensor: string): string {
  const isMaker = (one: Module) =>
    one.path.startsWith(`${path}.`) &&
    /\.\d+$/.test(one.path) &&
    one.calls.some(({ outputs }) => outputs[0] === tensor);
  return [...walk(map.tree)].find(isMaker)?.path ?? `${path}.…`;
}

/** Refuses what an embedding looks up in a quantized table, where it becomes floats only behind the module. */
function checkTable(model: OnnxModel, path: string, tensor: string): void {
  const { elementTypes, initializers } = model;
  const maker = model.makerOf(tensor);
  const type = elementTypeName(elementTypes.get(tensor) ?? 0);
  if (maker?.opType !== 'Gather' || !/^u?int8$/.test(type) || !initializers.has(maker.input[0]!)) return;
  throw new OperationError(
    `'${path}' looks its output up in a quantized table in this file (${type}), and the floats that PyTorch returns are made of it later. The quantized values are ${path}.ops.Gather.output`,
  );
}
