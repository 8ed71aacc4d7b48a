import { added, standingFor } from './branches/stands-for.ts';
import { isStandard } from './domains.ts';
import { bodyElementTypes } from './element-types.ts';
import { ModelError } from './error.ts';
import { FreshNames } from './fresh-names.ts';
import { RULES } from './lift-rules.ts';
import { type Around, changed, Lifter } from './lifter.ts';
import type { GraphProto, ModelProto, NodeProto } from './proto.ts';
import { mapSubgraphs } from './subgraphs.ts';

/** The operator set that old models are lifted to: reductions, Squeeze and others changed with it. */
const LIFTED = 13;
/** From this version of the file format on, initializers need not be listed among the inputs. */
const IR_VERSION = 7n;

/**
 * A model of an operator set before 13 in operator set 13: the same operators, in the form that they have there.
 * Initializers are inputs no more, where old files list them, so that ONNX Runtime takes them for constants.
 * Throws a ModelError for the few nodes that have no form there.
 */
export function lifted(proto: ModelProto, path: string): ModelProto {
  const version = Number(proto.opsetImport.find(isStandard)?.version ?? LIFTED);
  if (!proto.graph || version >= LIFTED) return proto;
  if (version < 1) throw new ModelError(`${path} uses the operator set ${version}, which there is none of`);
  const initializers = new Set(proto.graph.initializer.map(({ name }) => name));
  const graph = liftedGraph(
    { ...proto.graph, input: proto.graph.input.filter(({ name }) => !initializers.has(name)) },
    { path, version, advised: 17, names: new FreshNames(proto.graph), types: new Map() },
  );
  const opsetImport = proto.opsetImport.map((one) => (isStandard(one) ? { ...one, version: BigInt(LIFTED) } : one));
  const irVersion = proto.irVersion < IR_VERSION ? IR_VERSION : proto.irVersion;
  return { ...proto, graph, opsetImport, irVersion };
}

function liftedGraph(graph: GraphProto, around: Around): GraphProto {
  const types = bodyElementTypes(graph, around.types);
  const lifter = new Lifter(graph, { ...around, types });
  const node = graph.node.flatMap((one) => {
    const inner = mapSubgraphs(one, (subgraph) => liftedGraph(subgraph, { ...around, types }));
    return isStandard(inner) ? liftedNode(inner, around.version, lifter) : [inner];
  });
  return { ...graph, node, initializer: [...graph.initializer, ...lifter.constants] };
}

/** Attributes that told how a training engine may run an operator. */
const OF_TRAINING: ReadonlySet<string> = new Set(['consumed_inputs', 'is_test']);

function liftedNode(node: NodeProto, version: number, lifter: Lifter): NodeProto[] {
  const rule = RULES.get(node.opType);
  const isOfTraining = node.attribute.some(({ name }) => OF_TRAINING.has(name));
  const plain = isOfTraining ? changed(node, node.input, OF_TRAINING) : node;
  const made = rule !== undefined && version < rule.before ? rule.lift(plain, lifter) : [plain];
  return made.length === 1
    ? made
    : made.map((one) => (one.opType === node.opType ? standingFor(one, node) : added(one)));
}
