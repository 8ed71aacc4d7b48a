import type { OnnxModel } from '../onnx/model.ts';
import { scopes } from './names.ts';
import { parameterPaths } from './parameters.ts';
import type { Scope } from './scope.ts';

/**
 * Which nodes read a parameter, and which its initializer alone. Exporters merge equal vectors (the zeros and ones that
 * biases and norms begin with): one initializer then stands for several parameters, each with a gradient of its own. A
 * matrix that several modules read is taken for one parameter that is tied.
 */
export class ParameterReaders {
  private readonly model: OnnxModel;
  private readonly parameters: ReadonlyMap<string, string>;
  private readonly paths: ReadonlySet<string>;
  private known: readonly (Scope | null)[] | null = null;

  /** @param parameters the initializers by the parameters' paths */
  constructor(model: OnnxModel, parameters: ReadonlyMap<string, string>) {
    this.model = model;
    this.parameters = parameters;
    this.paths = parameterPaths(model.graph);
  }

  /** The nodes that read a parameter's initializer for other parameters: indices into `graph.node`. */
  others(path: string): readonly number[] {
    const initializer = this.parameters.get(path)!;
    const { graph, initializers } = this.model;
    if ((initializers.get(initializer)?.dims.length ?? 0) > 1) return [];
    const readers = [...graph.node.keys()].filter((index) => graph.node[index]!.input.includes(initializer));
    if (readers.length < 2) return [];
    const isAlias = (index: number) => this.alias(index, initializer) === path;
    if (readers.some(isAlias)) return readers.filter((index) => !isAlias(index));
    return readers.filter((index) => this.isOfAnother(index, initializer, path));
  }

  private isOfAnother(index: number, initializer: string, path: string): boolean {
    if (this.alias(index, initializer) !== null) return true;
    this.known ??= scopes(this.model.graph.node, this.paths);
    const module = this.known[index]?.modules.at(-1) ?? '';
    if (module === moduleOf(path)) return false;
    return [...this.paths].some(
      (other) => moduleOf(other) === module && (this.parameters.get(other) ?? initializer) === initializer,
    );
  }

  /** The second name of a merged parameter: the TorchScript exporter keeps it as an Identity of the first. */
  private alias(index: number, initializer: string): string | null {
    const { opType, output } = this.model.graph.node[index]!;
    const [name = ''] = output;
    return opType === 'Identity' && this.parameters.get(name) === initializer ? name : null;
  }
}

function moduleOf(parameter: string): string {
  return parameter.slice(0, Math.max(0, parameter.lastIndexOf('.')));
}
