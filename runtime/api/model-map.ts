import { withWrittenOut } from '../gradients/written-out.ts';
import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import type { Located } from '../lowering/address.ts';
import { findModule } from '../modules/find.ts';
import { foldedCalls } from '../modules/folded-calls.ts';
import { type InsidePart, insideOfModule } from '../modules/inside.ts';
import { firstNames, type Module, type Operation, walk } from '../modules/module.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { ParameterReaders } from '../modules/parameter-readers.ts';
import { isAnonymous, parameters } from '../modules/parameters.ts';
import { type QuantizedWeight, quantizedWeights } from '../modules/quantized-weights.ts';
import { raisedWeights } from '../modules/raised-weights.ts';
import { transposedWeights } from '../modules/transposed-weights.ts';
import { buildTree, nodesByName } from '../modules/tree.ts';
import { type TurnedSequences, turnedSequences } from '../modules/turned-sequences.ts';
import { guess, nearest } from '../nearest.ts';
import { portsOf } from '../onnx/branches/stands-for.ts';
import { BLOCKED } from '../onnx/domains.ts';
import { TEXTS } from '../onnx/dtypes.ts';
import { isFlattened } from '../onnx/flattened.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { turnsItself } from '../onnx/one-layout.ts';
import { isScaled, UNCERTAIN } from '../onnx/scaled-product.ts';
import { isTurned } from '../onnx/turned.ts';
import { partsOf } from '../onnx/written-out.ts';
import type { SymbolicTypes } from '../shapes/symbolic.ts';
import { TensorTypes } from '../shapes/tensor-types.ts';
import { atCaller } from './at-caller.ts';
import { ModelBranches } from './model-branches.ts';
import { type NameOptions, Names } from './names.ts';
import { checkEntered, checkReturned } from './returned.ts';
import { blocked, flattened, foldedCall, scaled, turned, uncalled, unscaled } from './unreachable.ts';

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
  /** The paths of those that the file has with 1 added. */
  readonly raised: ReadonlySet<string>;
  private readonly readers: ParameterReaders;
  readonly types: TensorTypes;
  readonly names: Names;
  readonly branches: ModelBranches;
  /** Modules by path, also by paths that are not their own. */
  private readonly modules: Map<string, Module>;
  /** What was found at addresses: a trace asks for each several times. */
  private readonly located = new Map<string, Located>();
  /** Whether any of the model's tensors is of texts. */
  readonly hasTexts: boolean;
  private readonly sequences: TurnedSequences;
  /** Whether ONNX Runtime has laid tensors out for one kind of processor, and left out what turned them for a module. */
  private readonly isBlocked: boolean;
  /** The modules of which calls were made constants, once they were looked for. */
  private folded: ReadonlyMap<string, string> | null = null;
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
    this.raised = raisedWeights(plain, this.parameters);
    this.readers = new ParameterReaders(plain, this.parameters);
    this.types = new TensorTypes(plain);
    this.modules = new Map([...walk(this.tree)].map((module) => [module.path, module]));
    this.branches = new ModelBranches(model, this.locate);
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
    const { path, port, index, call } = address;
    const place = `${port} ${index} ${call} ${path}`;
    const known = this.located.get(place) ?? this.lookUp(address);
    this.located.set(place, known);
    return known;
  }

  private lookUp(address: Address): Located {
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
    if (port === 'output' && this.modules.has(path)) checkReturned(this, address, call.outputs[0]);
    if (port === 'input' && path !== '' && this.modules.has(path)) checkEntered(this, address);
    const tensor = call[`${port}s`][index];
    if (tensor === undefined) {
      throw new OperationError(
        `${path || 'the model'} has ${call[`${port}s`].length} ${port}s: there is no ${port}s[${index}]`,
      );
    }
    if (path !== '' && this.modules.has(path)) {
      if (this.hasOtherDims(address, tensor)) throw turned(address);
      if (isFlattened(tensor, this.model)) throw flattened(address);
      if (port === 'output' && isScaled(tensor, this.model)) throw scaled(address);
      if (port === 'output' && this.isUnscaled(tensor)) throw unscaled(address);
    }
    return { tensor, ...call };
  }

  private call(address: Address): Omit<Located, 'tensor'> {
    const module = this.find(address.path);
    const found = module.calls[address.call];
    if (!found) throw uncalled(module, address, this);
    return found;
  }

  /** Whether what reads a module's output multiplies it by a number that may have been the module's own. */
  private isUnscaled(tensor: string): boolean {
    const { graph, links } = this.model;
    return Boolean(links.readers.get(tensor)?.some((index) => graph.node[index]!.name.endsWith(UNCERTAIN)));
  }

  /** Whether a module's tensor has its dims in another order than in PyTorch. */
  private hasOtherDims(address: Address, tensor: string): boolean {
    const { tensors, inputs } = this.sequences;
    if (isTurned(tensor, this.model) || tensors.has(tensor)) return true;
    return address.port === 'input' && (inputs.has(address.path) || this.isTurnedByLayer(address, tensor));
  }

  /** Whether a linear layer turns what it takes: a transposition in front of it was joined to its product. */
  private isTurnedByLayer({ path, call }: Address, tensor: string): boolean {
    const { children, calls } = this.find(path);
    if (children.size > 0) return false;
    return calls[call]!.nodes.some((index) => {
      const node = this.model.plain.graph.node[index]!;
      const [given, weight] = node.input;
      return given === tensor && turnsItself(node, 0) && isAnonymous(weight!);
    });
  }

  /** Why the gradient by a parameter would lack a part; null where it is whole. */
  lackOf(parameter: string): string | null {
    this.folded ??= foldedCalls(this.model.plain, this.tree);
    const [module, constant] = [...this.folded].find(([path]) => parameter.startsWith(`${path}.`)) ?? [];
    return module === undefined ? null : foldedCall(parameter, module, constant!);
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

  /** What is inside of the operators of a module that do the work of many, by its names as an operation. */
  insideOf(module: string): ReadonlyMap<string, InsidePart> {
    return insideOfModule(this.find(module), this.model.plain.graph);
  }

  private inside({ node, index }: InsidePart, path: string): Omit<Located, 'tensor'> {
    const around = this.model.graph.node[node]!;
    const part = partsOf(around)[index];
    const fault = part ? withWrittenOut(this.model).faults.get(node) : "it stands in a branch of the model's own";
    if (!part || fault !== undefined) {
      const { opType } = this.model.plain.graph.node[node]!;
      throw new OperationError(
        `${path.replace(OPERATION, '.ops.')} is inside of ${opType}, which is one operator and cannot be written out as what it is made of: ${fault}`,
      );
    }
    return { nodes: [node], inputs: [part.input], outputs: [part.output] };
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
    const found = this.findNode(module, name) ?? this.insideOf(module).get(name)?.node;
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
  const names = firstNames(operations);
  const operators = new Set(operations.map(({ opType }) => opType));
  // Not where the file has numbered them itself.
  const isNumbered = names.length < operations.length && names.every((name) => operators.has(name));
  return (names.join(', ') || 'none') + (isNumbered ? ' (the second is named Name_1, and so on)' : '');
}
