import { OnnxModel } from '../../onnx/model.ts';
import { changedNode, type GraphProto } from '../../onnx/proto.ts';
import { raised } from '../../onnx/raise.ts';
import { renameAll } from '../../onnx/rename.ts';
import { operatorSets, ownFunctions } from '../../onnx/together.ts';
import { embedWeights } from './weights.ts';

/** One run of a model that is called in another one, as a part of that. */
export interface Part {
  readonly model: OnnxModel;
  /** The name that a tensor of it has in the whole. */
  rename(tensor: string): string;
  /** The place of its first node in the whole. */
  readonly base: number;
}

export interface JoinedModel {
  readonly model: OnnxModel;
  /** In the order of the runs. */
  readonly parts: readonly Part[];
}

/**
 * A model, and beside its nodes those of others, once for each run; weights of a model that runs several times are there once.
 * The whole has the inputs and outputs of the first, and the latest operator set of all.
 * @param runs the model itself, and what is called in it
 * Throws a ModelError for models that cannot stand in one file.
 */
export function joinModels(runs: readonly OnnxModel[]): JoinedModel {
  const models = [...new Set(runs)];
  const opset = Math.max(...models.map((model) => model.opset));
  const protos = new Map(
    models.map((model, i) => {
      const proto = raised(model.proto, opset, model.path);
      // the weights of the first are found in its folder, those of the others come along
      return [model, i === 0 ? proto : embedWeights(proto, model, 'One ONNX file cannot hold a model that large.')];
    }),
  );
  const [host, ...others] = runs as [OnnxModel, ...OnnxModel[]];
  const proto = protos.get(host)!;
  let base = proto.graph!.node.length;
  const names = new PartNames();
  const parts: Part[] = [{ model: host, rename: (tensor) => tensor, base: 0 }];
  const graphs = others.map((model, i) => {
    const { graph } = protos.get(model)!;
    const own = `onnsight/attached_${models.indexOf(model)}`;
    const ofRun = `${own}_${i}`;
    const initializers = new Set(graph!.initializer.map(({ name }) => name));
    const rename = (tensor: string) => names.of(initializers.has(tensor) ? own : ofRun, tensor);
    parts.push({ model, rename, base });
    base += graph!.node.length;
    return renameAll(unscoped(graph!), rename, (name) => names.of(ofRun, name));
  });
  const initializers = new Map(
    [proto.graph!, ...graphs].flatMap(({ initializer }) => initializer).map((tensor) => [tensor.name, tensor]),
  );
  const graph: GraphProto = {
    ...proto.graph!,
    node: [proto.graph!, ...graphs].flatMap(({ node }) => node),
    initializer: [...initializers.values()],
    input: [proto.graph!, ...graphs].flatMap(({ input }) => input),
  };
  const joined = {
    ...proto,
    graph,
    irVersion: BigInt(Math.max(...models.map((model) => Number(model.proto.irVersion)))),
    opsetImport: operatorSets(models, opset),
    functions: ownFunctions(models),
  };
  return { model: new OnnxModel(joined, host), parts };
}

/** The names of the tensors and nodes of a part: without slashes and dots, which would make modules of the whole. */
class PartNames {
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();

  of(part: string, name: string): string {
    const key = `${part}/${name}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const plain = `${part}:${name.replaceAll(/[/.]/g, ':')}`;
    let made = plain;
    for (let i = 1; this.#taken.has(made); i++) made = `${plain}:${i}`;
    this.#taken.add(made);
    this.#names.set(key, made);
    return made;
  }
}

/** A graph whose nodes do not say to which modules of which model they belonged: they would be taken for those of another model. */
function unscoped(graph: GraphProto): GraphProto {
  return { ...graph, node: graph.node.map((node) => changedNode(node, { metadataProps: [] })) };
}
