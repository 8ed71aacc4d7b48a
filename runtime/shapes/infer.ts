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
import type { Alike } from './alike.ts';
import { clashes } from './elementwise.ts';
import { addElementwise, Learned } from './learned.ts';
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
  const { graph } = model;
  const given = givenTypes(model, inputDims);
  const learned = new Learned(model, given);
  const { found, known } = learned;
  let isAsked = false;
  for (const stretch of stretches(graph.node, learned, atOnce)) {
    const nodes = stretch.map((index) => graph.node[index]!);
    const asked = made(
      model,
      nodes.filter((_, i) => !learned.hasRule(stretch[i]!)),
    );
    // ONNX Runtime is asked for one tensor at least: it is what finds out that sizes do not go together.
    const names = asked.length > 0 ? asked : made(model, nodes).slice(-1);
    if (names.length === 0) continue;
    isAsked = true;
    const isWhole = stretch.length === graph.node.length;
    const part = isWhole ? model : { proto: model.proto, graph: excerptOf(model, names, known) };
    const types = await shapes(model, weightless(part, inputDims, names));
    for (const index of stretch) learned.learn(index, types);
  }
  // Sizes that do not go together are refused by ONNX Runtime, which is given only what it has to be asked for.
  const clash = learned.open.find((node) => clashes(node, known));
  if (clash) await shapes(model, weightless(model, inputDims, made(model, [clash])));
  if (!isAsked) {
    checkOutputs(model, known);
    return known;
  }
  for (const probed of portions(groupedBy(learned.perhaps.all, learned.alike), atOnce)) {
    const first = probed.map(([name]) => name!);
    const ranks = await shapes(model, weightless(model, inputDims, [], first));
    for (const names of probed) {
      if (ranks.get(probeName(names[0]!))?.shape?.[0] === 0) continue;
      for (const name of names) found.set(name, { ...found.get(name)!, shape: null });
    }
  }
  for (const [name, type] of given) found.set(name, type);
  for (const { output } of learned.closed) found.set(output[0]!, known.get(output[0]!)!);
  addElementwise(found, learned.open);
  checkOutputs(model, found);
  return found;
}

function givenTypes({ graph, inputs }: OnnxModel, inputDims: InputDims): Map<string, TensorType> {
  const given = new Map<string, TensorType>();
  for (const { name, dataType, dims } of graph.initializer) add(given, name, dtypeName(dataType), dims.map(Number));
  for (const { name, dtype, dims } of inputs) {
    const free = dims?.map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : null)) ?? null;
    add(given, name, dtype, inputDims[name] ?? free);
  }
  return given;
}

/** What nodes make that Node can ask for: not what has no dtype, or is probably not a tensor. */
function made({ elementTypes }: OnnxModel, nodes: readonly NodeProto[]): string[] {
  return nodes
    .flatMap(({ output }) => output)
    .filter((name) => name !== '' && dtypeName(elementTypes.get(name) ?? 0) !== null);
}

/**
 * The nodes of a graph that are told neither by a rule nor by nodes like them, in stretches of at most so many that ONNX
 * Runtime has to be asked for, and so many of others as it goes through in about the same time. What a stretch makes is
 * learned before the next one is asked for. One ends where a layer begins that may be like the one before.
 */
function* stretches(nodes: readonly NodeProto[], learned: Learned, size: number): Generator<number[]> {
  let told = WORTH;
  for (let next = 0; next < nodes.length; ) {
    const stretch: number[] = [];
    let asked = 0;
    // Where nodes like them have told of few, there are no layers that are alike.
    const stops = told >= WORTH;
    told = 0;
    for (; next < nodes.length && asked < size && stretch.length < OTHERS * size; next++) {
      if (stops && asked >= WORTH && learned.alike.isRepeated(next)) break;
      if (learned.isTold(next)) told++;
      else {
        stretch.push(next);
        if (!learned.hasRule(next)) asked++;
      }
    }
    if (stretch.length > 0) yield stretch;
  }
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
