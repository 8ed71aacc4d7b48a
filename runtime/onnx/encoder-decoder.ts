import { DECODER_TOKEN_IDS, ENCODER_OUTPUT, ENCODER_STATES } from './encoder-decoder-names.ts';
import { ModelError } from './error.ts';
import { makeMetadata, makeValueInfo } from './make.ts';
import { OnnxModel } from './model.ts';
import type { Dim } from './model-tensor.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto, type ValueInfoProto } from './proto.ts';
import { raised } from './raise.ts';
import { renameAll, tensorNames } from './rename.ts';
import { operatorSets, ownFunctions } from './together.ts';

/** The inputs of a decoder's file, by the names that they have in the whole model: those of transformers. */
const DECODER_INPUTS: ReadonlyMap<string, string> = new Map([
  ['input_ids', DECODER_TOKEN_IDS],
  ['encoder_attention_mask', 'attention_mask'],
]);

/** Whether an input or output of a decoder is keys or values of the encoder's output, which are made once. */
export function isOfEncoder(name: string): boolean {
  return /^(past|present).*[._]encoder[._]/.test(name);
}

/**
 * A decoder by itself, with the names that its inputs have in the whole model. Keys and values of the encoder's output that
 * it takes are no outputs of it: it hands them on at most.
 */
export function decoderPart(decoder: OnnxModel): OnnxModel {
  const renamed = renameAll(decoder.graph, decoderNames(decoder.graph));
  const graph = { ...renamed, input: withOneLength(renamed.input) };
  const takes = graph.input.some(({ name }) => isOfEncoder(name));
  const output = graph.output.filter(({ name }) => !takes || !isOfEncoder(name));
  return new OnnxModel({ ...decoder.proto, graph: { ...graph, output } }, decoder);
}

/**
 * An encoder and its decoder as one model: the decoder reads what the encoder makes, and the modules of both stand in one
 * tree. It has the inputs of the encoder and `decoder_input_ids`, the outputs of the decoder and
 * `encoder_last_hidden_state`.
 * Throws a ModelError for two that do not fit together.
 */
export function joinEncoderDecoder(encoder: OnnxModel, decoder: OnnxModel): OnnxModel {
  const models = [decoder, encoder];
  const opset = Math.max(...models.map((model) => model.opset));
  const [lower, upper] = models.map((model) => raised(model.proto, opset, model.path)) as [ModelProto, ModelProto];
  const states = stateOf(encoder, decoder);
  const inDecoder = decoderNames(lower.graph!);
  const below = renameAll(lower.graph!, (name) => (name === ENCODER_STATES ? ENCODER_OUTPUT : inDecoder(name)));
  const above = encoderPart(upper.graph!, states, below);
  const shared = new Set(above.input.map(({ name }) => name));
  const graph: GraphProto = {
    ...below,
    node: [...above.node, ...below.node],
    initializer: [...above.initializer, ...below.initializer],
    input: [...above.input, ...below.input.filter(({ name }) => name !== ENCODER_OUTPUT && !shared.has(name))],
    output: [...below.output, ...above.output.filter(({ name }) => name === ENCODER_OUTPUT)],
    valueInfo: [...above.valueInfo, ...below.valueInfo],
  };
  const proto: ModelProto = {
    ...lower,
    graph,
    irVersion: BigInt(Math.max(...models.map((model) => Number(model.proto.irVersion)))),
    opsetImport: operatorSets(models, opset),
    functions: ownFunctions(models),
  };
  return new OnnxModel(proto, { ...decoder, files: decoder.files.and(encoder.files) });
}

/** Inputs of which keys and values of the encoder's output are as long as its mask: exporters may give each length a name. */
function withOneLength(inputs: readonly ValueInfoProto[]): ValueInfoProto[] {
  const sizes = (info: ValueInfoProto | undefined) =>
    info?.type?.value.case === 'tensorType' ? info.type.value.value : undefined;
  const length = sizes(inputs.find(({ name }) => name === 'attention_mask'))?.shape?.dim[1]?.value;
  return inputs.map((info) => {
    const { elemType = 0, shape } = sizes(info) ?? {};
    if (length?.case !== 'dimParam' || !shape || !isOfEncoder(info.name)) return info;
    const dims = shape.dim.map(({ value }, i): Dim => {
      if (value.case === 'dimValue') return Number(value.value);
      return i === shape.dim.length - 2 ? length.value : (value.value ?? null);
    });
    return makeValueInfo(info.name, elemType, dims);
  });
}

function decoderNames({ input }: GraphProto): (name: string) => string {
  const names = new Map(
    input.flatMap(({ name }) => (DECODER_INPUTS.has(name) ? [[name, DECODER_INPUTS.get(name)!]] : [])),
  );
  return (name) => names.get(name) ?? name;
}

/** The output of the encoder that the decoder takes. */
function stateOf(encoder: OnnxModel, decoder: OnnxModel): string {
  const [first] = encoder.outputs;
  const taken = decoder.inputs.find(({ name }) => name === ENCODER_STATES);
  if (!taken) {
    const names = decoder.inputs.map(({ name }) => name).join(', ');
    throw new ModelError(
      `${decoder.path} has no input ${ENCODER_STATES} that takes what ${encoder.path} makes, only ${names}`,
    );
  }
  if (encoder.folder !== decoder.folder) {
    throw new ModelError(`${encoder.path} and ${decoder.path} stand in two folders: put them into one`);
  }
  return (encoder.outputs.find(({ name }) => name === 'last_hidden_state') ?? first!).name;
}

/** Where the encoder stands in the tree: beside the decoder, as in PyTorch (`model.encoder` beside `model.decoder`). */
export function encoderPath({ initializer, node }: GraphProto): string {
  const names = [...initializer.map(({ name }) => name), ...node.map(({ name }) => name.replaceAll('/', '.'))];
  const around = names.flatMap((name) => /^\.?((?:\w+\.)*?)decoder\./.exec(name)?.[1] ?? []);
  return `${around.sort((a, b) => a.length - b.length)[0] ?? ''}encoder`;
}

/** The encoder's graph with its modules beside those of the decoder. */
function encoderPart(graph: GraphProto, states: string, decoder: GraphProto): GraphProto {
  const path = encoderPath(decoder);
  const taken = tensorNames(decoder);
  const inputs = new Set(graph.input.map(({ name }) => name));
  const weights = new Set(graph.initializer.map(({ name }) => name));
  const below = `/${path.replaceAll('.', '/')}`;
  const rename = (name: string): string => {
    if (name === states) return ENCODER_OUTPUT;
    if (inputs.has(name)) return name;
    if (name.startsWith('/')) return `${below}${name}`;
    // Names that the exporter made up (`onnx::MatMul_312`) are no paths, and stay what they are.
    if (name.includes('::') || !weights.has(name)) return taken.has(name) ? `${name}:encoder` : name;
    return `${path}.${name}`;
  };
  const node = (name: string) => (name.startsWith('/') ? `${below}${name}` : name && `${name}:encoder`);
  const renamed = renameAll(graph, rename, node);
  const stack = `'${path.replace(/encoder$/, 'decoder')}'`;
  const inDecoder = decoder.node.find((one) => metadataOf(one)[SCOPES]?.includes(stack));
  const around = inDecoder && quoted(metadataOf(inDecoder)[CLASSES]).slice(0, path.split('.').length);
  return { ...renamed, node: renamed.node.map((one) => withScopes(one, path, around)) };
}

const SCOPES = 'pkg.torch.onnx.name_scopes';
const CLASSES = 'pkg.torch.onnx.class_hierarchy';

function metadataOf({ metadataProps }: NodeProto): Record<string, string | undefined> {
  return Object.fromEntries(metadataProps.map(({ key, value }) => [key, value]));
}

/** The entries of a Python list of strings, with their quotes. */
function quoted(list = ''): string[] {
  return list.match(/'[^']*'/g) ?? [];
}

/**
 * A node of the dynamo exporter, which has its modules in its metadata: as Python lists of paths and of classes, the root's
 * first.
 * @param around the classes of the modules around encoder and decoder, from the root's on, where the decoder tells them
 */
function withScopes(node: NodeProto, path: string, around: readonly string[] | undefined): NodeProto {
  const metadata = metadataOf(node);
  const { [SCOPES]: scopes, [CLASSES]: classes } = metadata;
  // Nodes that measure the inputs are of no module.
  if (!scopes?.startsWith("['',")) return node;
  const parts = path.split('.');
  const above = parts.map((_, i) => `'${parts.slice(0, i + 1).join('.')}'`);
  const own = quoted(scopes).slice(1);
  const moved = ["''", ...above, ...own.map((one) => `'${path}.${one.slice(1)}`)];
  const changed = {
    ...(metadata as Record<string, string>),
    [SCOPES]: `[${moved.join(', ')}]`,
    [CLASSES]: around ? `[${[...around, ...quoted(classes)].join(', ')}]` : '[]',
  };
  return changedNode(node, { metadataProps: makeMetadata(changed) });
}
