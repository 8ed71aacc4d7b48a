import { withOpenedAttention } from '../gradients/opened-attention.ts';
import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';
import type { Located } from '../lowering/address.ts';
import { conditionsOf } from '../modules/counted-calls.ts';
import { findModule } from '../modules/find.ts';
import { insideOfModule } from '../modules/inside.ts';
import { type Module, type Operation, walk } from '../modules/module.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { ParameterReaders } from '../modules/parameter-readers.ts';
import { parameters } from '../modules/parameters.ts';
import { type QuantizedWeight, quantizedWeights } from '../modules/quantized-weights.ts';
import { transposedWeights } from '../modules/transposed-weights.ts';
import { buildTree, nodesByName } from '../modules/tree.ts';
import { type TurnedSequences, turnedSequences } from '../modules/turned-sequences.ts';
import { guess, nearest } from '../nearest.ts';
import { branchOf } from '../onnx/branches/branch.ts';
import { differingModules } from '../onnx/branches/closed.ts';
import { saysWhetherRan } from '../onnx/branches/ran.ts';
import { portsOf } from '../onnx/branches/stands-for.ts';
import { BLOCKED } from '../onnx/domains.ts';
import { dtypeName, elementTypeName, TEXTS } from '../onnx/dtypes.ts';
import { insideOf, isFusedAttention, isInside } from '../onnx/fused-attention.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { isTurned } from '../onnx/turned.ts';
import { insideType } from '../shapes/inside-type.ts';
import type { SymbolicTypes } from '../shapes/symbolic.ts';
import { TensorTypes } from '../shapes/tensor-types.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { Batching, Resolved, TracedModel } from '../tracing/model.ts';
import { atCaller } from './at-caller.ts';
import { type NameOptions, Names } from './names.ts';

/** The path of an operation in a module; of the model itself also of a node by its name in the file. */
export function operationPath(module: string, name: string): string {
  return `${module}${OPERATION}${name}`;
}

/** How many modules an error names. */
const MOST_NAMES = 3;

/** How to get at modules in a branch or a body. */
const INSIDE = {
  branch: 'To reach it, export the model with the branch that is meant in the place of the condition.',
  body: 'To reach it, export the model with the loop written out.',
};

/** A model with its module tree: finds the tensor at an address. */
export class ModelMap {
  readonly model: OnnxModel;
  readonly tree: Module;
  readonly nodes: ReturnType<typeof nodesByName>;
  /** The initializers of parameters, by their paths. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Those of weights that the file has transposed. */
  readonly transposed: ReadonlyMap<string, string>;
  /** Those of weights that the file has in few bits. */
  readonly quantized: ReadonlyMap<string, QuantizedWeight>;
  private readonly readers: ParameterReaders;
  readonly types: TensorTypes;
  readonly names: Names;
  /** Modules by path, also by paths that are not their own. */
  private readonly modules: Map<string, Module>;
  /** Whether any of the model's tensors is of texts. */
  readonly hasTexts: boolean;
  private readonly sequences: TurnedSequences;
  /** Whether ONNX Runtime has laid tensors out for one kind of processor, and left out what turned them for a module. */
  private readonly isBlocked: boolean;
  /** The shapes as functions of the inputs' sizes, once they were worked out. */
  formulas: SymbolicTypes | null = null;

  /** Throws a ModelError for impossible other names of modules. */
  constructor(model: OnnxModel, options: NameOptions = {}) {
    this.model = model;
    const { plain } = model;
    this.tree = buildTree(plain);
    this.nodes = nodesByName(plain);
    this.sequences = turnedSequences(this.tree, plain);
    this.hasTexts = [...plain.elementTypes.values()].includes(TEXTS);
    this.isBlocked = plain.graph.node.some(({ domain }) => domain === BLOCKED);
    this.parameters = parameters(plain);
    this.transposed = transposedWeights(plain, this.tree, this.parameters);
    this.quantized = quantizedWeights(plain, this.tree, this.parameters);
    this.readers = new ParameterReaders(plain, this.parameters);
    this.types = new TensorTypes(plain);
    this.modules = new Map([...walk(this.tree)].map((module) => [module.path, module]));
    this.names = new Names(this.tree, this.parameters, options);
  }

  /** Works out the formulas of the shapes, once, also for the models that are attached in the tree. */
  async symbolic(): Promise<SymbolicTypes> {
    for (const map of this.around()) map.formulas ??= await map.types.symbolic();
    return this.formulas!;
  }

  /** This model and those that are attached to it, to them, and so on. */
  private around(): ReadonlySet<ModelMap> {
    const maps = new Set<ModelMap>([this]);
    // Iterating over a set includes elements that are added meanwhile.
    for (const { names } of maps) for (const { given } of names.attached.values()) maps.add(given.map);
    return maps;
  }

  /** The tensor at an address. Throws an OperationError if there is none. */
  readonly locate = (address: Address): Located => atCaller(() => this.tensorAt(address));

  /** The module at a path; throws a ModelError that names the nearest paths. */
  find(path: string): Module {
    const found = this.modules.get(path) ?? atCaller(() => findModule(this.tree, path, this.names.child));
    this.modules.set(path, found);
    return found;
  }

  /** Whether there is a module at a path. */
  has(path: string): boolean {
    return this.modules.has(path);
  }

  private tensorAt(address: Address): Located {
    const { path, port, index } = address;
    if (port === 'parameter') {
      const turned = this.transposed.get(path);
      if (turned !== undefined) return { tensor: turned, nodes: [], inputs: [], outputs: [] };
      const tensor = this.parameters.get(path);
      if (tensor === undefined) throw new OperationError(`the model has no parameter ${path}`);
      return { tensor, nodes: this.readers.others(path), inputs: [], outputs: [] };
    }
    if (this.isBlocked && path !== '') throw blocked(path);
    const call = this.operation(path) ?? this.call(address);
    if (port === 'output' && this.modules.has(path)) this.checkReturned(address, call.outputs[0]);
    const tensor = call[`${port}s`][index];
    if (tensor === undefined) {
      throw new OperationError(
        `${path || 'the model'} has ${call[`${port}s`].length} ${port}s: there is no ${port}s[${index}]`,
      );
    }
    if (path !== '' && this.modules.has(path) && this.hasOtherDims(address, tensor)) throw turned(address);
    return { tensor, ...call };
  }

  private call({ path, call, port }: Address): Omit<Located, 'tensor'> {
    const module = this.find(path);
    const found = module.calls[call];
    if (found) return found;
    const { note } = module;
    if (note?.kind === 'fused') {
      const into = note.into ? `into '${note.into}': read ${note.into}.${port} instead` : 'into another module';
      throw new OperationError(`'${path}' is no longer in this file: the exporter has folded it ${into}`);
    }
    if (note?.kind === 'uncounted') {
      const operations = module.operations.slice(0, MOST_NAMES).map(({ name }) => `${path}.ops.${name}.output`);
      throw new OperationError(
        `'${path}' runs several times, and in branches of the model's own conditionals or loops, so that only a run tells which of its calls is the first. Use its operations, each of which stands in one place: ${operations.join(', ')}`,
      );
    }
    if (note?.kind === 'inside') {
      const around = this.model.graph.node[note.node]!;
      const isBranch = note.opType === 'If';
      const part = isBranch ? 'a branch' : 'the body';
      const names = differingModules(around);
      const reason =
        names.length === 0
          ? 'where modules can neither be read nor set'
          : `whose branches have modules in common that run otherwise, or in another order, in each (${listed(names)}), so that no module of the branches can be read or set`;
      const operation = this.tree.operations.find(({ node }) => node === note.node)?.name ?? note.opType;
      throw new OperationError(
        `'${path}' runs in ${part} of the model's own ${note.opType} (the node '${around.name}'), ${reason}: what leaves it is ops.${operation}.output of the model. ${INSIDE[isBranch ? 'branch' : 'body']}`,
      );
    }
    if (module.calls.length > 0)
      throw new OperationError(`'${path}' is called ${module.calls.length} times: there is no calls[${call}]`);
    const children = [...module.children.keys()].join(', ');
    throw new OperationError(
      children === ''
        ? `'${path}' has no ${port} in this file: it never runs, or the exporter has folded it into another module`
        : `'${path}' is a container that is never called itself and so has no ${port}; its modules are: ${children}`,
    );
  }

  /** Whether a module's tensor has its dims in another order than in PyTorch. */
  private hasOtherDims({ path, port }: Address, tensor: string): boolean {
    const { tensors, inputs } = this.sequences;
    return isTurned(tensor, this.model) || tensors.has(tensor) || (port === 'input' && inputs.has(path));
  }

  /**
   * Refuses outputs whose order the file does not tell, and the output of an LSTM, GRU or RNN of which it has only the final
   * states: PyTorch's is the sequence. A model returns what its file declares.
   */
  private checkReturned({ path, call }: Address, tensor: string | undefined): void {
    const module = this.find(path);
    if (module.calls[call]?.order === 'unknown') {
      const made = module.calls[call].outputs.flatMap((output) => {
        const found = module.operations.find(({ node }) => this.model.graph.node[node]!.output.includes(output));
        return found ? [`${path}.ops.${found.name}.output`] : [];
      });
      throw new OperationError(
        `'${path}' returns several tensors, and its file does not tell which of them is the first in PyTorch. Use them where they are made: ${made.join(', ')}`,
      );
    }
    if (module.calls[call]?.order === 'pooled') {
      throw new OperationError(
        `only what is pooled leaves '${path}' in this file, and PyTorch's module may return what it is pooled of before that, as transformers' models do. Use ${this.poolerOf(module, tensor!)}`,
      );
    }
    if (tensor === undefined || path === '') return;
    this.checkTable(path, tensor);
    if (!this.model.finalStates.has(tensor)) return;
    throw new OperationError(
      `the model uses only the final states of '${path}', and its file does not have the sequence that PyTorch returns first. The states are outputs of its operations: ${path}.ops`,
    );
  }

  /** Where what is pooled is found, and what it is pooled of. */
  private poolerOf({ path, operations }: Module, pooled: string): string {
    const pooler = `${path}.pooler`;
    if (this.modules.has(pooler)) return `${pooler}.input or ${pooler}.output`;
    const inner = [...this.modules.values()].findLast(
      (one) => one.path.startsWith(`${path}.`) && one.calls.some(({ outputs }) => outputs.includes(pooled)),
    );
    if (inner) return `${inner.path}.output, or the output of the last layer`;
    const found = operations.find(({ node }) => this.model.graph.node[node]!.output.includes(pooled))!;
    return `${path}.ops.${found.name}.output, or the output of the last layer`;
  }

  /** Refuses what an embedding looks up in a quantized table, where it becomes floats only behind the module. */
  private checkTable(path: string, tensor: string): void {
    const { elementTypes, initializers } = this.model;
    const maker = this.model.makerOf(tensor);
    const type = elementTypeName(elementTypes.get(tensor) ?? 0);
    if (maker?.opType !== 'Gather' || !/^u?int8$/.test(type) || !initializers.has(maker.input[0]!)) return;
    throw new OperationError(
      `'${path}' looks its output up in a quantized table in this file (${type}), and the floats that PyTorch returns are made of it later. The quantized values are ${path}.ops.Gather.output`,
    );
  }

  /** The branches of the model that the tensor at an address is made in, the outermost first: the values that say whether they run. */
  branchesOf(address: Address): readonly Address[] {
    const maker = this.model.makerOf(this.locate(address).tensor);
    return this.truths((maker && branchOf(maker)?.ran) ?? []);
  }

  /** The branches of the model that the module at an address runs in. */
  branchesAround(address: Address): readonly Address[] {
    return this.truths(conditionsOf(this.locate(address).nodes, this.model.graph));
  }

  /** Of a module in the last iteration of a loop that can be reached: the value that says whether the loop goes on. */
  goesOn(address: Address): Address | null {
    const { nodes } = this.locate(address);
    const more = nodes.flatMap((node) => branchOf(this.model.graph.node[node]!)?.more ?? []).at(-1);
    return more !== undefined && nodes.length > 0 && this.branchesAround(address).length > 0
      ? this.truths([more])[0]!
      : null;
  }

  /** Whether the tensor at an address is the value that says whether a branch runs. */
  saysWhetherRan(address: Address): boolean {
    const maker = this.model.makerOf(this.locate(address).tensor);
    return maker !== undefined && saysWhetherRan(maker);
  }

  private truths(tensors: readonly string[]): Address[] {
    return tensors.map((tensor) => {
      const { name } = this.model.makerOf(tensor)!;
      return { path: operationPath('', name), port: 'output', index: 0, call: 0 };
    });
  }

  /** Whether a module does nothing at inference, so that its output is its input. */
  isIdentity(path: string): boolean {
    return this.modules.get(path)?.note?.kind === 'identity';
  }

  private operation(path: string): Omit<Located, 'tensor'> | null {
    if (this.modules.has(path)) return null;
    // The name of a module or a node may contain the mark too: the names that exist decide.
    const marks = [...path.matchAll(new RegExp(`(?=${OPERATION})`, 'g'))].map((match) => match.index).reverse();
    const [at] = marks.filter((mark) => this.modules.has(path.slice(0, mark)));
    if (at === undefined) return null;
    const [module, name] = [path.slice(0, at), path.slice(at + OPERATION.length)];
    const around = this.findNode(module, name) === undefined ? this.insideOf(module).get(name) : undefined;
    if (around !== undefined) return this.inside(around, path);
    const node = this.nodeOf(module, name);
    const { input, output } = portsOf(this.model.plain.graph.node[node]!);
    const { initializers } = this.model;
    return {
      nodes: [node],
      inputs: input.filter((tensor) => tensor !== '' && !initializers.has(tensor)),
      outputs: output.filter((tensor) => tensor !== ''),
    };
  }

  /** What is inside of the operators of a module that do attention as a whole, by its names as an operation. */
  insideOf(module: string): ReadonlyMap<string, number> {
    return insideOfModule(this.find(module), this.model.plain.graph);
  }

  private inside(node: number, path: string): Omit<Located, 'tensor'> {
    const around = this.model.graph.node[node]!;
    const fault = isFusedAttention(around)
      ? withOpenedAttention(this.model).faults.get(node)
      : "it stands in a branch of the model's own";
    if (fault !== undefined) {
      const { opType } = this.model.plain.graph.node[node]!;
      throw new OperationError(
        `${path.replace(OPERATION, '.ops.')} is inside of ${opType}, which does attention as a whole and cannot be written out as what it is made of: ${fault}`,
      );
    }
    const { scores, probabilities } = insideOf(around);
    return { nodes: [node], inputs: [scores], outputs: [probabilities] };
  }

  /** The index of an operation's node in the graph: by its name in a module, or a node's own name in the file. */
  findNode(module: string, name: string): number | undefined {
    const { operations } = this.find(module);
    const found = operations.find((operation) => operation.name === name)?.node;
    return found ?? (module === '' ? this.nodes.get(name)?.index : undefined);
  }

  /** Whether a module has an operation, or an operator that has it inside. */
  hasOperation(module: string, name: string): boolean {
    return this.findNode(module, name) !== undefined || this.insideOf(module).has(name);
  }

  /** The node of an operation, or that which has it inside. If there is no such operation, it throws an OperationError that names similar ones. */
  nodeOf(module: string, name: string): number {
    const found = this.findNode(module, name) ?? this.insideOf(module).get(name);
    if (found !== undefined) return found;
    const { operations } = this.find(module);
    const names = [...operations.map((one) => one.name), ...this.insideOf(module).keys()];
    const near = nearest(name, module === '' ? [...names, ...this.nodes.keys()] : names);
    throw new OperationError(
      `${module || 'the model'} has no operation '${name}'; it has ${kinds(operations)}${guess(near)}`,
    );
  }
}

/** The kinds of a module's operations: of a whole model there are thousands. */
function kinds(operations: readonly Operation[]): string {
  const names = [...new Set(operations.map(({ opType }) => opType))];
  const isNumbered = names.length < operations.length;
  return (names.join(', ') || 'none') + (isNumbered ? ' (the second is named Name_1, and so on)' : '');
}

/** The types of a model's tensors in one forward. */
export interface Shapes {
  type(tensor: string): TensorType | undefined;
  batching(tensor: string): Batching;
}

/** A model's map with the shapes of its tensors in one forward. */
export class TypedModel implements TracedModel {
  readonly map: ModelMap;
  private readonly shapes: Shapes;

  constructor(map: ModelMap, shapes: Shapes) {
    this.map = map;
    this.shapes = shapes;
  }

  /** The model of a forward. */
  static of({ model }: TracedForward): TypedModel {
    if (model instanceof TypedModel) return model;
    throw new TypeError('the forward belongs to a model that has no modules');
  }

  /** The map that users hold: this one, unless a part of their model runs here. */
  get held(): ModelMap {
    return this.map;
  }

  /** Whether a module runs in this forward, and the tensor at an address of it is the one that is meant elsewhere. */
  has(_address: Address): boolean {
    return true;
  }

  /** For edits: the earlier forward that a module ran in, if it does not run in this one. */
  ranBefore(_path: string): TracedForward | null {
    return null;
  }

  /** The forward that a parameter is read in. */
  readerOf(_parameter: string, forward: TracedForward): TracedForward {
    return forward;
  }

  /** The address here of what the map that users hold has at an address. Throws an OperationError if it is not here. */
  own(address: Address): Address {
    return address;
  }

  /** All inputs or outputs that users see at an address. */
  tensorsAt(address: Address): readonly string[] {
    return this.locate(address)[address.port === 'input' ? 'inputs' : 'outputs'];
  }

  /** The tensor at an address. Throws an OperationError if there is none. */
  locate(address: Address): Located {
    return this.map.locate(address);
  }

  resolve(address: Address): Resolved {
    const { tensor } = this.locate(address);
    if (isInside(tensor)) {
      const around = this.map.model.graph.node[this.locate(address).nodes[0]!]!;
      return { tensor, ...insideType(around, this.shapes) };
    }
    const type = this.shapes.type(tensor) ?? this.initializerType(tensor);
    if (!type) throw new OperationError(this.untyped(address, tensor));
    return { tensor, type, batching: this.shapes.batching(tensor) };
  }

  /** Whether a tensor has a type that traces can read. */
  isTyped(tensor: string): boolean {
    return (this.shapes.type(tensor) ?? this.initializerType(tensor)) != null;
  }

  private untyped({ path, port }: Address, tensor: string): string {
    const { model } = this.map;
    const name = path === '' ? `the model's ${port} ${tensor}` : `the tensor at ${path}.${port}`;
    const type = model.elementTypes.get(tensor) ?? model.initializers.get(tensor)?.dataType;
    if (type === undefined || dtypeName(type) !== null)
      return `${name} is no tensor of numbers (a sequence, a map, or of a type that the file does not tell)`;
    if (type === TEXTS)
      return `${name} is a tensor of texts, which can be saved where the model makes it, and nothing else: a graph computes with numbers. Take the tensors before or behind it`;
    return `${name} is ${elementTypeName(type)}, which cannot be read or set: only tensors of numbers and truths that JavaScript knows can. Take the tensors before or behind it`;
  }

  private initializerType(tensor: string): TensorType | null {
    const found = this.map.model.initializers.get(tensor);
    const dtype = found && dtypeName(found.dataType);
    return dtype ? { dtype, shape: found.dims.map(Number) } : null;
  }
}

/** The error for a module of a model in which tensors are not laid out as its modules make them. */
function blocked(path: string): OperationError {
  return new OperationError(
    `'${path.replace(OPERATION, '.')}' cannot be read or set: ONNX Runtime wrote this file at the level 'all', with tensors laid out for one kind of processor (NCHWc), so that what modules make is not in it as PyTorch has it. Take the file that it was made from, or write it at the level 'extended'. The model's own inputs and outputs are as they were.`,
  );
}

/** The error for a tensor whose dims stand in another order than in PyTorch. */
function turned({ path, port }: Address): OperationError {
  return new OperationError(
    `'${path}' has its ${port} with the dims in another order in this file: its exporter or optimizer has left out a transposition, or moved it past the module. Take the file that an optimizer read, or use the tensor as it is: the operations of '${path}' (ops) can be read and set.`,
  );
}

/** Some names, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(', ')} and ${more} more` : names.join(', ');
}
