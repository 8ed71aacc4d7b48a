import { floatAttribute, floatsAttribute, intAttribute, intsAttribute, stringAttribute } from './attributes.ts';
import { scanOfBatch } from './lift-scan.ts';
import { changed, type Lifter, withAttributes } from './lifter.ts';
import { makeNode } from './make.ts';
import { changedNode, type NodeProto } from './proto.ts';

/** The operator set in which an operator got its form of today, and how an older node is written in it. */
export interface Rule {
  readonly before: number;
  lift(node: NodeProto, lifter: Lifter): NodeProto[];
}

/** What was an attribute is an input. */
export const axesAsInput: Rule['lift'] = (node, lifter) => {
  const axes = intsAttribute(node, 'axes');
  const [x] = node.input as [string];
  return [changed(node, axes === null ? [x] : [x, lifter.ints(node, 'axes', axes)], ['axes'])];
};

/** Before 7, the second input was spread over the first only where an attribute said so, and along which of its dimensions. */
const spread: Rule['lift'] = (node, lifter) => {
  const plain = changed(node, node.input, ['broadcast', 'axis']);
  const axis = intAttribute(node, 'broadcast') === 1 ? intAttribute(node, 'axis') : null;
  return axis === null ? [plain] : along(plain, axis, lifter);
};

/** The second input begins at dimension `axis` of the first: it gets one of size 1 for each that comes behind. */
function along(node: NodeProto, axis: number, lifter: Lifter): NodeProto[] {
  const [x, other, ...more] = node.input as [string, string, ...string[]];
  const [rank, width] = [lifter.rankOf(x), lifter.rankOf(other)];
  if (rank === null || width === null)
    throw lifter.cannot(node, 'reads tensors of which nothing tells how many dimensions they have');
  const first = axis < 0 ? axis + rank : axis;
  const behind = rank - first - width;
  if (behind <= 0) return [node];
  const axes = lifter.ints(
    node,
    'behind',
    Array.from({ length: behind }, (_, i) => width + i),
  );
  const made = lifter.name(node, 'aligned');
  return [makeNode('Unsqueeze', [other, axes], [made], {}, made), changed(node, [x, made, ...more], [])];
}

/** Before 7, the slopes of several channels lay along dimension 1. */
const slopes: Rule['lift'] = (node, lifter) => (lifter.rankOf(node.input[1]!) === 1 ? along(node, 1, lifter) : [node]);

/** Before 13, all dimensions from `axis` on, 1 unless given, were taken as one. */
const overRest: Rule['lift'] = (node, lifter) => {
  const [x] = node.input as [string];
  const given = intAttribute(node, 'axis') ?? 1;
  const rank = lifter.rankOf(x);
  const last = withAttributes(changed(node, [x], ['axis']), { axis: { int: -1 } });
  if (given === -1 || (rank !== null && given === rank - 1)) return [last];
  const [sizes, flat, made] = ['sizes', 'flat', 'of_flat'].map((what) => lifter.name(node, what)) as [
    string,
    string,
    string,
  ];
  return [
    makeNode('Shape', [x], [sizes], {}, sizes),
    makeNode('Flatten', [x], [flat], { axis: { int: given } }, flat),
    changedNode(last, { input: [flat], output: [made] }),
    makeNode('Reshape', [made, sizes], node.output, {}, `${made}:unflat`),
  ];
};

/** Nearest is the pixel before where a picture grows, and the one behind where it shrinks. */
const resized: Rule['lift'] = (node, lifter) => {
  const given = floatsAttribute(node, 'scales');
  const scales = given === null ? node.input[1]! : lifter.floats(node, 'scales', given);
  const mode = stringAttribute(node, 'mode') ?? 'nearest';
  const factors = given ?? lifter.floatsOf(scales);
  const isShrinking = factors?.every((factor) => factor <= 1) ?? false;
  if (mode === 'nearest' && !isShrinking && factors?.some((factor) => factor < 1)) {
    throw lifter.cannot(node, 'makes one side larger and the other smaller by the nearest pixel');
  }
  if (mode === 'nearest' && factors === null && node.opType === 'Resize') {
    throw lifter.cannot(node, 'computes its scales');
  }
  const nearest = isShrinking && factors!.some((factor) => factor < 1) ? 'ceil' : 'floor';
  const resize = changed(node, [node.input[0]!, '', scales], ['mode', 'scales'], 'Resize');
  return [
    withAttributes(resize, {
      mode: { string: mode === 'bilinear' ? 'linear' : mode },
      coordinate_transformation_mode: { string: 'asymmetric' },
      nearest_mode: { string: nearest },
    }),
  ];
};

/** By operator. */
export const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...'Add And Div Equal Gemm Greater Less Mul Or Pow Sub Xor'
    .split(' ')
    .map((name): [string, Rule] => [name, { before: 7, lift: spread }]),
  [
    'BatchNormalization',
    {
      before: 9,
      lift(node, lifter) {
        if (intAttribute(node, 'spatial') === 0)
          throw lifter.cannot(node, 'normalizes each position by itself (spatial = 0)');
        return [changed(node, node.input, ['spatial'])];
      },
    },
  ],
  [
    'Clip',
    {
      before: 11,
      lift(node, lifter) {
        const bound = (name: 'min' | 'max') => {
          const value = floatAttribute(node, name);
          return value === null ? '' : lifter.scalar(node, name, value);
        };
        return [changed(node, [node.input[0]!, bound('min'), bound('max')], ['min', 'max'])];
      },
    },
  ],
  [
    'Dropout',
    {
      before: 12,
      lift(node, lifter) {
        const mask = node.output[1] ?? '';
        if (mask !== '' && lifter.isUsed(mask))
          throw lifter.cannot(node, `gives the mask ${mask}, which is used, and is that of training`);
        return [changed(node, node.input, ['ratio'])];
      },
    },
  ],
  ['Hardmax', { before: 13, lift: overRest }],
  ['LogSoftmax', { before: 13, lift: overRest }],
  [
    'Pad',
    {
      before: 11,
      lift(node, lifter) {
        const pads = lifter.ints(node, 'pads', intsAttribute(node, 'pads') ?? []);
        const value = lifter.scalar(node, 'value', floatAttribute(node, 'value') ?? 0);
        return [changed(node, [node.input[0]!, pads, value], ['pads', 'value'])];
      },
    },
  ],
  [
    'Reshape',
    {
      before: 5,
      lift: (node, lifter) => [
        changed(node, [node.input[0]!, lifter.ints(node, 'shape', intsAttribute(node, 'shape') ?? [])], ['shape']),
      ],
    },
  ],
  ['PRelu', { before: 7, lift: slopes }],
  ['ReduceSum', { before: 13, lift: axesAsInput }],
  ['Resize', { before: 11, lift: resized }],
  ['Scan', { before: 9, lift: scanOfBatch }],
  ['Scatter', { before: 11, lift: (node) => [changed(node, node.input, [], 'ScatterElements')] }],
  [
    'Slice',
    {
      before: 10,
      lift(node, lifter) {
        const starts = intsAttribute(node, 'starts') ?? [];
        const axes = intsAttribute(node, 'axes') ?? starts.map((_, i) => i);
        const given = { starts, ends: intsAttribute(node, 'ends') ?? [], axes };
        const inputs = Object.entries(given).map(([name, values]) => lifter.ints(node, name, values));
        return [changed(node, [node.input[0]!, ...inputs], Object.keys(given))];
      },
    },
  ],
  ['Softmax', { before: 13, lift: overRest }],
  [
    'Split',
    {
      before: 13,
      lift(node, lifter) {
        const sizes = intsAttribute(node, 'split');
        const [x] = node.input as [string];
        return [changed(node, sizes === null ? [x] : [x, lifter.ints(node, 'split', sizes)], ['split'])];
      },
    },
  ],
  ['Squeeze', { before: 13, lift: axesAsInput }],
  [
    'TopK',
    {
      before: 10,
      lift: (node, lifter) => [
        changed(node, [node.input[0]!, lifter.ints(node, 'k', [intAttribute(node, 'k') ?? 1])], ['k']),
      ],
    },
  ],
  ['Unsqueeze', { before: 13, lift: axesAsInput }],
  ['Upsample', { before: 13, lift: resized }],
]);
