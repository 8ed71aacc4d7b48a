import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import type { TensorType } from '../graph/types.ts';
import type { Located } from '../lowering/address.ts';
import { findModule } from '../modules/find.ts';
import type { Module, Operation } from '../modules/module.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { parameters } from '../modules/parameters.ts';
import { buildTree, nodesByName } from '../modules/tree.ts';
import { guess, nearest } from '../nearest.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { SymbolicTypes } from '../shapes/symbolic.ts';
import { TensorTypes } from '../shapes/tensor-types.ts';
import type { Batching, Resolved, TracedModel } from '../tracing/model.ts';
import { atCaller } from './at-caller.ts';

/** A model with its module tree: finds the tensor at an address. */
export class ModelMap {
  readonly model: OnnxModel;
  readonly tree: Module;
  readonly nodes: ReturnType<typeof nodesByName>;
  readonly parameters: ReadonlyMap<string, string>;
  readonly types: TensorTypes;
  /** Other models that stand in the tree, by path. */
  readonly attached = new Map<string, unknown>();
  /** Modules that were looked up, by the path that was asked for. */
  private readonly found = new Map<string, Module>();
  /** The shapes as functions of the inputs' sizes, once they were worked out. */
  formulas: SymbolicTypes | null = null;

  constructor(model: OnnxModel) {
    this.model = model;
    this.tree = buildTree(model);
    this.nodes = nodesByName(model);
    this.parameters = parameters(model);
    this.types = new TensorTypes(model);
  }

  /** Works out the formulas of the shapes; the second time they are there. */
  async symbolic(): Promise<SymbolicTypes> {
    this.formulas ??= await this.types.symbolic();
    return this.formulas;
  }

  /** Where an address leads; throws an OperationError where it leads nowhere. */
  readonly locate = (address: Address): Located => atCaller(() => this.tensorAt(address));

  /** The module at a path; throws a ModelError that names the nearest paths. */
  find(path: string): Module {
    let found = this.found.get(path);
    if (!found) {
      found = atCaller(() => findModule(this.tree, path));
      this.found.set(path, found);
    }
    return found;
  }

  private tensorAt(address: Address): Located {
    const { path, port, index } = address;
    if (port === 'parameter') {
      const tensor = this.parameters.get(path);
      if (tensor === undefined) throw new OperationError(`the model has no parameter ${path}`);
      return { tensor, nodes: [], inputs: [], outputs: [] };
    }
    const call = path.includes(OPERATION) ? this.operation(path) : this.call(address);
    const tensor = call[`${port}s`][index];
    if (tensor === undefined) {
      throw new OperationError(
        `${path || 'the model'} has ${call[`${port}s`].length} ${port}s: there is no ${port}s[${index}]`,
      );
    }
    return { tensor, ...call };
  }

  private call({ path, call, port }: Address): {
    nodes: readonly number[];
    inputs: readonly string[];
    outputs: readonly string[];
  } {
    const module = this.find(path);
    const found = module.calls[call];
    if (found) return found;
    const { note } = module;
    if (note?.kind === 'fused') {
      const into = note.into ? `into '${note.into}': read ${note.into}.${port} instead` : 'into another module';
      throw new OperationError(`'${path}' is no longer in this file: the exporter has folded it ${into}`);
    }
    if (module.calls.length > 0)
      throw new OperationError(`'${path}' is called ${module.calls.length} times: there is no calls[${call}]`);
    const children = [...module.children.keys()].join(', ');
    throw new OperationError(
      `'${path}' is a container that is never called itself and so has no ${port}; its modules are: ${children || 'none'}`,
    );
  }

  /** Whether a module does nothing at inference, so that its output is its input. */
  isIdentity(path: string): boolean {
    return !path.includes(OPERATION) && this.find(path).note?.kind === 'identity';
  }

  private operation(path: string): { nodes: readonly number[]; inputs: readonly string[]; outputs: readonly string[] } {
    const [module, name] = path.split(OPERATION) as [string, string];
    const node = this.nodeOf(module, name);
    const { input, output } = this.model.graph.node[node]!;
    const { initializers } = this.model;
    return {
      nodes: [node],
      inputs: input.filter((tensor) => tensor !== '' && !initializers.has(tensor)),
      outputs: output.filter((tensor) => tensor !== ''),
    };
  }

  /** The index of an operation's node in the graph: by its name in a module, or a node's own name in the file. */
  nodeOf(module: string, name: string): number {
    const { operations } = this.find(module);
    const found =
      operations.find((operation) => operation.name === name)?.node ??
      (module === '' ? this.nodes.get(name)?.index : undefined);
    if (found === undefined) {
      const names = operations.map((one) => one.name);
      const near = nearest(name, module === '' ? [...names, ...this.nodes.keys()] : names);
      throw new OperationError(
        `${module || 'the model'} has no operation '${name}'; it has ${kinds(operations)}${guess(near)}`,
      );
    }
    return found;
  }
}

/** The kinds of a module's operations: of a whole model there are thousands. */
function kinds(operations: readonly Operation[]): string {
  const names = [...new Set(operations.map(({ opType }) => opType))];
  const isNumbered = names.length < operations.length;
  return (names.join(', ') || 'none') + (isNumbered ? ' (the second is named Name_1, and so on)' : '');
}

/** What is known of a model's tensors in one forward. */
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

  resolve(address: Address): Resolved {
    const { tensor } = this.map.locate(address);
    const type = this.shapes.type(tensor) ?? this.initializerType(tensor);
    if (!type)
      throw new OperationError(
        `the tensor at ${address.path}.${address.port} has an element type that this library has no name for`,
      );
    return { tensor, type, batching: this.shapes.batching(tensor) };
  }

  private initializerType(tensor: string): TensorType | null {
    const found = this.map.model.initializers.get(tensor);
    const dtype = found && dtypeName(found.dataType);
    return dtype ? { dtype, shape: found.dims.map(Number) } : null;
  }
}
