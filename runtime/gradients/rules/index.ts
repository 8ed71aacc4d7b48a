import { CONTRIB, isStandard } from '../../onnx/domains.ts';
import type { NodeProto } from '../../onnx/proto.ts';
import { GradientError } from '../error.ts';
import type { Rule, Rules, SubgraphRule } from '../rule.ts';
import { ACTIVATIONS } from './activations.ts';
import { ATTENTION, CONTRIB_ATTENTION } from './attention.ts';
import { BLOCKWISE } from './blockwise.ts';
import { ifRule } from './control-flow/if.ts';
import { loopRule } from './control-flow/loop.ts';
import { scanRule } from './control-flow/scan.ts';
import { CONVOLUTION } from './convolution.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { EXPERTS } from './experts.ts';
import { FUSED } from './fused.ts';
import { INDEXING } from './indexing.ts';
import { NORMALISATION } from './normalisation.ts';
import { POOLING } from './pooling.ts';
import { PRODUCTS } from './products.ts';
import { QUANTISATION } from './quantisation.ts';
import { RECURRENT } from './recurrent.ts';
import { REDUCTIONS } from './reductions.ts';
import { RESIZE } from './resize.ts';
import { contribRotary, rotary } from './rotary.ts';
import { SHAPES } from './shapes.ts';

/** By operator. A map, as an operator of the file's own may have any name, `constructor` among them. */
const STANDARD: ReadonlyMap<string, Rule> = table(
  ELEMENTWISE,
  ACTIVATIONS,
  PRODUCTS,
  NORMALISATION,
  SHAPES,
  INDEXING,
  REDUCTIONS,
  CONVOLUTION,
  POOLING,
  RESIZE,
  QUANTISATION,
  RECURRENT,
  ATTENTION,
  { RotaryEmbedding: rotary },
);

const OF_ONNX_RUNTIME: ReadonlyMap<string, Rule> = table(FUSED, CONTRIB_ATTENTION, EXPERTS, BLOCKWISE, {
  RotaryEmbedding: contribRotary,
});

const WITH_SUBGRAPHS: ReadonlyMap<string, SubgraphRule> = new Map([
  ['If', ifRule],
  ['Loop', loopRule],
  ['Scan', scanRule],
]);

/** Throws a GradientError for an operator that has no rule. */
export function ruleFor(node: NodeProto): Rule {
  const rules = isStandard(node) ? STANDARD : node.domain === CONTRIB ? OF_ONNX_RUNTIME : null;
  const rule = rules?.get(node.opType);
  if (rule) return rule;
  const name = isStandard(node) ? node.opType : `${node.domain}.${node.opType}`;
  throw new GradientError(node, `the operator ${name} has no derivative here`);
}

/** The rule of a node with subgraphs; undefined for others. */
export function subgraphRuleFor(node: NodeProto): SubgraphRule | undefined {
  return isStandard(node) ? WITH_SUBGRAPHS.get(node.opType) : undefined;
}

function table(...rules: readonly Rules[]): ReadonlyMap<string, Rule> {
  return new Map(rules.flatMap((some) => Object.entries(some)));
}
