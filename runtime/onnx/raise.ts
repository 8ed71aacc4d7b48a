import { stringAttribute } from './attributes.ts';
import { isStandard } from './domains.ts';
import { bodyElementTypes } from './element-types.ts';
import { FreshNames } from './fresh-names.ts';
import { axesAsInput, type Rule } from './lift-rules.ts';
import { type Around, changed, Lifter, withAttributes } from './lifter.ts';
import { defaultOpset } from './model.ts';
import type { GraphProto, ModelProto } from './proto.ts';
import { mapSubgraphs } from './subgraphs.ts';

/**
 * A model of operator set 13 or later in a later one, where models of several sets become one. All operators that are not
 * named below mean in the later sets what they did in the earlier ones.
 * Throws a ModelError for the few nodes that have no form there.
 */
export function raised(proto: ModelProto, version: number, path: string): ModelProto {
  const own = Number(defaultOpset(proto));
  if (own >= version) return proto;
  const graph = raisedGraph(proto.graph!, {
    path,
    version: own,
    advised: version,
    names: new FreshNames(proto.graph!),
    types: new Map(),
  });
  const opsetImport = proto.opsetImport.map((one) => (isStandard(one) ? { ...one, version: BigInt(version) } : one));
  return { ...proto, graph, opsetImport };
}

function raisedGraph(graph: GraphProto, around: Around): GraphProto {
  const types = bodyElementTypes(graph, around.types);
  const lifter = new Lifter(graph, { ...around, types });
  const node = graph.node.flatMap((one) => {
    const inner = mapSubgraphs(one, (subgraph) => raisedGraph(subgraph, { ...around, types }));
    const rule = isStandard(inner) ? RULES.get(inner.opType) : undefined;
    return rule && around.version < rule.before && rule.before <= around.advised ? rule.lift(inner, lifter) : [inner];
  });
  return { ...graph, node, initializer: [...graph.initializer, ...lifter.constants] };
}

/** A node whose new form means something else, or cannot be told from the old one. */
const refused: Rule['lift'] = (node, lifter) => {
  throw lifter.cannot(node, 'means something else in the later operator set of the model that it becomes a part of');
};

/** The modes of GridSample by their later names. */
const MODES = new Map([
  ['bilinear', 'linear'],
  ['bicubic', 'cubic'],
]);

/** The operators that mean something else since a set after 13, found by comparing the schemas of onnx 1.23. */
const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map((name): [string, Rule] => [
    `Reduce${name}`,
    { before: 18, lift: axesAsInput },
  ]),
  [
    'BatchNormalization',
    {
      before: 14,
      // the others are of training
      lift: (node, lifter) => (node.output.filter(Boolean).length === 1 ? [node] : refused(node, lifter)),
    },
  ],
  ['DFT', { before: 20, lift: refused }],
  [
    'GridSample',
    {
      before: 20,
      lift(node) {
        const mode = stringAttribute(node, 'mode') ?? 'bilinear';
        return [withAttributes(changed(node, node.input, ['mode']), { mode: { string: MODES.get(mode) ?? mode } })];
      },
    },
  ],
  ['GroupNormalization', { before: 21, lift: refused }],
  [
    'RoiAlign',
    {
      before: 16,
      lift: (node) => [withAttributes(node, { coordinate_transformation_mode: { string: 'output_half_pixel' } })],
    },
  ],
  [
    'Split',
    {
      before: 18,
      lift: (node) => (node.input[1] ? [node] : [withAttributes(node, { num_outputs: { int: node.output.length } })]),
    },
  ],
]);
