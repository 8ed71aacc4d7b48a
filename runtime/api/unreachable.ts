import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import { type Module, walk } from '../modules/module.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { differingModules } from '../onnx/branches/closed.ts';
import type { OnnxModel } from '../onnx/model.ts';

/* Why what a module takes or gives cannot be had from a file. */

/** How many modules an error names. */
const MOST_NAMES = 3;

/** How to get at modules in a branch or a body. */
const INSIDE = {
  branch: 'To reach it, export the model with the branch that is meant in the place of the condition.',
  body: 'To reach it, export the model with the loop written out.',
};

/** Why a parameter has no gradient: a call of its module has become a constant. */
export function foldedCall(parameter: string, module: string, constant: string): string {
  return `The gradient by ${parameter} is asked for, but this file has only a part of what it does: an optimizer has made a constant of what '${module}' gives for other constants (${constant}), so that the gradient would lack that part. Take it of the file before it was optimized: ONNX Runtime folds constants at every level.`;
}

/** The error for a call of a module that its file does not have. */
export function uncalled(
  module: Module,
  { path, port, call }: Address,
  { model, tree }: { readonly model: OnnxModel; readonly tree: Module },
): OperationError {
  const { note } = module;
  if (note?.kind === 'fused') {
    const into = note.into
      ? `into '${note.into}': ${instead(note.into, note.node, port, { model, tree })}`
      : 'into another module';
    return new OperationError(`'${path}' is no longer in this file: the exporter has folded it ${into}`);
  }
  if (note?.kind === 'uncounted') {
    const operations = module.operations.slice(0, MOST_NAMES).map(({ name }) => `${path}.ops.${name}.output`);
    return new OperationError(
      `'${path}' runs several times, and in branches of the model's own conditionals or loops, so that only a run tells which of its calls is the first. Use its operations, each of which stands in one place: ${operations.join(', ')}`,
    );
  }
  if (note?.kind === 'inside') {
    const around = model.graph.node[note.node]!;
    const isBranch = note.opType === 'If';
    const part = isBranch ? 'a branch' : 'the body';
    const names = differingModules(around);
    const reason =
      names.length === 0
        ? 'where modules can neither be read nor set'
        : `whose branches have modules in common that run otherwise, or in another order, in each (${listed(names)}), so that no module of the branches can be read or set`;
    const operation = tree.operations.find(({ node }) => node === note.node)?.name ?? note.opType;
    return new OperationError(
      `'${path}' runs in ${part} of the model's own ${note.opType} (the node '${around.name}'), ${reason}: what leaves it is ops.${operation}.output of the model. ${INSIDE[isBranch ? 'branch' : 'body']}`,
    );
  }
  if (module.calls.length > 0)
    return new OperationError(`'${path}' is called ${module.calls.length} times: there is no calls[${call}]`);
  const children = [...module.children.keys()].join(', ');
  return new OperationError(
    children === ''
      ? `'${path}' has no ${port} in this file: it never runs, or the exporter has folded it into another module`
      : `'${path}' is a container that is never called itself and so has no ${port}; its modules are: ${children}`,
  );
}

/**
 * What can be had in place of a module that was folded into another one: what that gives, if the operator that reads the
 * module's parameter makes it; else that operator's own.
 */
function instead(
  into: string,
  reader: number | undefined,
  port: Address['port'],
  { model, tree }: { readonly model: OnnxModel; readonly tree: Module },
): string {
  const around = [...walk(tree)].find((module) => module.path === into);
  const operation = around?.operations.find(({ node }) => node === reader);
  if (!operation) return `read ${into}.${port} instead`;
  const made = model.graph.node[operation.node]!.output;
  const call = around!.calls.findIndex(({ outputs }) => made.includes(outputs[0] ?? ''));
  if (call >= 0) return `read ${into}.${call === 0 ? '' : `calls[${call}].`}${port} instead`;
  const { name, opType } = operation;
  return `its parameter is read by ${opType} there, whose result is ${into}.ops.${name}.output; ${into}.${port} is another tensor`;
}

/** The error for a module of a model in which tensors are not laid out as its modules make them. */
export function blocked(path: string): OperationError {
  return new OperationError(
    `'${path.replace(OPERATION, '.')}' cannot be read or set: ONNX Runtime wrote this file at the level 'all', with tensors laid out for one kind of processor (NCHWc), so that what modules make is not in it as PyTorch has it. Take the file that it was made from, or write it at the level 'extended'. The model's own inputs and outputs are as they were.`,
  );
}

/** The error for a tensor whose dims stand in another order than in PyTorch. */
export function turned({ path, port }: Address): OperationError {
  return new OperationError(
    `'${path}' has its ${port} with the dims in another order in this file: its exporter or optimizer has left out a transposition, or moved it past the module. Take the file that an optimizer read, or use the tensor as it is: the operations of '${path}' (ops) can be read and set.`,
  );
}

/** The error for a tensor whose rows stand in one dim, where PyTorch's has several. */
export function flattened({ path, port }: Address): OperationError {
  return new OperationError(
    `'${path}' has its ${port} with all rows in one dim in this file: ONNX Runtime has joined it to the product beside it. Take the file that its optimizer read, or use the tensor as it is: the operations of '${path}' (ops) can be read and set.`,
  );
}

/** The error for a product that is multiplied by a number, in it or behind it. */
export function scaled({ path, port }: Address): OperationError {
  return new OperationError(
    `'${path}' has its ${port} times a number in this file: ONNX Runtime has joined both to one operator, and nothing tells whether the number stood in front of '${path}' or behind it. Take the file that its optimizer read, or use the tensor as it is: the operations of '${path}' (ops) can be read and set.`,
  );
}

export function unscaled({ path, port }: Address): OperationError {
  return new OperationError(
    `'${path}' has its ${port} without a number that it is multiplied by in this file: ONNX Runtime has joined the number and the product that reads it to one operator, and nothing tells whether it was '${path}' that multiplied. Take the file that its optimizer read, or use the tensor as it is: the operations of '${path}' (ops) can be read and set.`,
  );
}

/** Some names, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ');
}
