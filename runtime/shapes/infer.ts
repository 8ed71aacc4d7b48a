import type { DType, Shape, TensorType } from '../graph/types.ts';
import { describeNode, nodeIn } from '../modules/describe-node.ts';
import { dtypeName } from '../onnx/dtypes.ts';
import { ModelError } from '../onnx/error.ts';
import { excerptOf } from '../onnx/excerpt.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { NodeProto } from '../onnx/proto.ts';
import { probeName, weightless } from '../onnx/weightless.ts';
import { ort } from '../ort/ort.ts';
import { plainText } from '../ort/plain-text.ts';
import type { OutputType } from '../ort/port.ts';
import { Alike } from './alike.ts';
import { clashes, elementwiseType, goTogether, isElementwise } from './elementwise.ts';
import { PerhapsScalars } from './perhaps-scalars.ts';
import { checkOutputs, refusalOf } from './refusal.ts';

/**
 * Of so many tensors ONNX Runtime is asked at once: the time that it takes grows with the square of their number. Of a
 * model with more it is given the part that makes them.
 */
const AT_ONCE = 1024;

/** So many nodes are worth asking ONNX Runtime once more. */
const WORTH = 32;

/** How many nodes by rule take ONNX Runtime as long as one that it is asked for. */
const OTHERS = 4;

/** The sizes of a model's inputs by name. An input that is left out has the free dimensions that its file declares. */
export type InputDims = Readonly<Record<string, readonly number[]>>;

/**
 * The dtype and shape of every tensor of a model's graph if its inputs have the sizes `inputDims`, as ONNX Runtime's
 * own shape inference has them. A dimension it can't tell (one that depends on values, or on an input left out) is
 * null. Tensors of a kind that has no dtype here (strings, sequences) are left out.
 * Throws a ModelError if the sizes do not fit the model.
 */
export async function inferTypes(
  model: OnnxModel,
  inputDims: InputDims = {},
  atOnce = AT_ONCE,
): Promise<Map<string, TensorType>> {
  if (!model.closed) return inferOwnTypes(model, inputDims, atOnce);
  const closed = await inferOwnTypes(model.closed.model, inputDims, atOnce);
  // Of what stands in bodies less is known, and nothing where that cannot be worked out: all else is as the file has it.
  const open = await inferOwnTypes(model, inputDims, atOnce).catch(() => new Map<string, TensorType>());
  return new Map([...open, ...closed]);
}

async function inferOwnTypes(model: OnnxModel, inputDims: InputDims, atOnce: number): Promise<Map<string, TensorType>> {
  checkDims(model, inputDims);
  const { graph, links, elementTypes } = model;
  // Node cannot even ask for the type of what has no dtype, or is probably not a tensor.
  const made = (nodes: readonly NodeProto[]) =>
    nodes
      .flatMap(({ output }) => output)
      .filter((name) => name !== '' && dtypeName(elementTypes.get(name) ?? 0) !== null);
  const elementwise = graph.node.filter((node) => isElementwise(node, elementTypes));
  const own = new Set(elementwise);
  const given = new Map<string, TensorType>();
  for (const { name, dataType, dims } of graph.initializer) add(given, name, dtypeName(dataType), dims.map(Number));
  for (const { name, dtype, dims } of model.inputs) {
    const free = dims?.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : null)) ?? null;
    add(given, name, dtype, inputDims[name] ?? free);
  }
  const found = new Map<string, TensorType>();
  const known = new Map(given);
  const alike = new Alike(model, known);
  const perhaps = new PerhapsScalars(links, found);
  const learn = (index: number, types: readonly (TensorType | undefined)[]) => {
    const node = graph.node[index]!;
    node.output.forEach((name, i) => {
      if (types[i]) found.set(name, types[i]);
    });
    perhaps.add(node, index);
    node.output.forEach((name, i) => {
      if (types[i]) known.set(name, perhaps.has(name) ? { ...types[i], shape: null } : types[i]);
    });
    alike.learn(index, types);
  };
  const learnElementwise = (index: number) => {
    perhaps.add(graph.node[index]!, index);
    alike.learn(index, []);
  };
  /** Whether what a node makes is told by a rule, or by a node like it. */
  const isTold = (index: number) => {
    const node = graph.node[index]!;
    if (own.has(node)) {
      const isWhole = addElementwise(known, [node]);
      if (isWhole) learnElementwise(index);
      return isWhole;
    }
    const types = alike.find(index);
    if (types) learn(index, types);
    return types !== null;
  };
  let isAsked = false;
  let told = WORTH;
  for (let next = 0; next < graph.node.length; ) {
    const stretch: number[] = [];
    let asking = 0;
    // Where what has been told by nodes like them was little, there are no layers that are alike.
    const stops = told >= WORTH;
    told = 0;
    for (; next < graph.node.length && asking < atOnce && stretch.length < OTHERS * atOnce; next++) {
      if (stops && asking >= WORTH && alike.isRepeated(next)) break;
      if (isTold(next)) {
        told++;
        continue;
      }
      stretch.push(next);
      if (!own.has(graph.node[next]!)) asking++;
    }
    if (stretch.length === 0) break;
    const nodes = stretch.map((index) => graph.node[index]!);
    const asked = made(nodes.filter((node) => !own.has(node)));
    // ONNX Runtime is asked for one tensor at least: it is what finds out that sizes do not go together.
    const names = asked.length > 0 ? asked : made(nodes).slice(-1);
    if (names.length > 0) {
      isAsked = true;
      const isWhole = stretch.length === graph.node.length;
      const part = isWhole ? model : { proto: model.proto, graph: excerptOf(model, names, known) };
      const types = await shapes(model, weightless(part, inputDims, names));
      for (const index of stretch) {
        const node = graph.node[index]!;
        const its = node.output.map((name) => types.get(name));
        if (!own.has(node)) learn(index, its);
        else {
          addElementwise(known, [node]);
          learnElementwise(index);
        }
      }
    }
  }
  // Sizes that do not go together are refused by ONNX Runtime, which is given only what it has to be asked for.
  const clash = elementwise.find((node) => clashes(node, known));
  if (clash) await shapes(model, weightless(model, inputDims, made([clash])));
  if (!isAsked) {
    checkOutputs(model, known);
    return known;
  }
  for (const probed of portions(groupedBy(perhaps.all, alike), atOnce)) {
    const ranks = await shapes(
      model,
      weightless(
        model,
        inputDims,
        [],
        probed.map(([first]) => first!),
      ),
    );
    for (const names of probed) {
      if (ranks.get(probeName(names[0]!))?.shape?.[0] === 0) continue;
      for (const name of names) found.set(name, { ...found.get(name)!, shape: null });
    }
  }
  for (const [name, type] of given) found.set(name, type);
  addElementwise(found, elementwise);
  checkOutputs(model, found);
  return found;
}

/**
 * Adds the types of what elementwise nodes make, in their order, as far as those of what they read are known.
 * @returns whether all sizes are known, and go together
 */
function addElementwise(types: Map<string, TensorType>, nodes: readonly NodeProto[]): boolean {
  let isWhole = true;
  for (const node of nodes) {
    const type = elementwiseType(node, types);
    if (type !== null) types.set(node.output[0]!, type);
    isWhole &&= type !== null && goTogether(node, type, types);
  }
  return isWhole;
}

/** Tensors that are made alike stand together. */
function groupedBy(names: readonly string[], alike: Alike): string[][] {
  const groups = new Map<number | string, string[]>();
  for (const name of names) {
    const kind = alike.of(name) ?? name;
    groups.set(kind, [...(groups.get(kind) ?? []), name]);
  }
  return [...groups.values()];
}

function portions<T>(items: readonly T[], size: number): T[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, i) => items.slice(i * size, (i + 1) * size));
}

function checkDims(model: OnnxModel, inputDims: InputDims): void {
  for (const [name, dims] of Object.entries(inputDims)) {
    const input = model.inputs.find((candidate) => candidate.name === name);
    if (input === undefined) {
      throw new ModelError(
        `${model.path} has no input ${name}: it has ${model.inputs.map((other) => other.name).join(', ')}`,
      );
    }
    const fits =
      input.dims === null ||
      (input.dims.length === dims.length &&
        input.dims.every((dim, i) => typeof dim !== 'number' || dim < 0 || dim === dims[i]));
    if (fits) continue;
    const wanted = input.dims!.map((dim) => dim ?? '?').join(', ');
    throw new ModelError(`the input ${name} of ${model.path} wants the shape [${wanted}], not [${dims.join(', ')}]`);
  }
}

async function shapes(model: OnnxModel, bytes: Uint8Array): Promise<Map<string, TensorType>> {
  const found = new Map<string, TensorType>();
  try {
    model.checkFiles();
    // Level basic folds the arithmetic on shapes; below it most sizes would stay open. What takes casts out of it loses
    // the one behind an input of the graph (ONNX Runtime 1.30).
    const outputs = await examined(model, bytes, ['CastElimination']).catch((error: Error) => {
      if (!LOST.test(error.message)) throw error;
      return examined(model, bytes, ['CastElimination', 'ConstantFolding']);
    });
    for (const { name, dtype, shape } of outputs) add(found, name, dtype, shape);
  } catch (error) {
    throw error instanceof ModelError ? error : ((await refusalOf(model)) ?? unfit(error, model));
  }
  return found;
}

/**
 * What ONNX Runtime 1.30 says of its own work: where sizes decide a conditional, folding puts the branch in its place, and
 * conditionals within it read by names that are gone.
 */
const LOST = /^Invalid model\. Node input '/;

function examined(model: OnnxModel, bytes: Uint8Array, without: readonly string[]): Promise<readonly OutputType[]> {
  return ort.examine(bytes, { optimization: 'basic', folder: model.folder, without });
}

/** The error for sizes that the model's own operations refuse, in the user's terms. */
function unfit(error: unknown, model: OnnxModel): ModelError {
  const message = error instanceof Error ? error.message : String(error);
  const node = nodeIn(message, model);
  const reason = /Incompatible dimensions/.test(message)
    ? 'the sizes of its inputs do not go together'
    : (/\[ShapeInferenceError\] (.*)/.exec(message)?.[1] ?? plainText(message));
  const told = node ? `at its node ${describeNode(node, model)} ${reason}` : reason;
  return new ModelError(
    `${model.path} does not fit these input sizes: ${told}. Look at the dims of the inputs, ${model.inputs.map(({ name }) => name).join(', ')}.`,
    { cause: error },
  );
}

function add(found: Map<string, TensorType>, name: string, dtype: DType | null, shape: Shape): void {
  if (dtype !== null) found.set(name, { dtype, shape });
}
