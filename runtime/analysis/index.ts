/*
 * What TransformerLens and pyvene have as helpers, over language models whose parts have known names. Each is a short
 * program on what the package exports: docs/analysis.md shows how to write one's own.
 */

export {
  accumulatedResidual,
  type ComponentOptions,
  type Components,
  decomposeResidual,
  stackHeads,
} from './components.ts';
export { type Answer, logitAttribution } from './logit-attribution.ts';
export type { Parts } from './parts.ts';
export { type PatchOptions, patch } from './patch.ts';
export {
  getActPatchAttnHeadOutAllPos,
  getActPatchAttnOut,
  getActPatchMlpOut,
  getActPatchResidPre,
  type HeadPatchingOptions,
  type PatchingGrid,
  type PatchingOptions,
} from './patching.ts';
export { drawGrid, type PictureOptions } from './picture.ts';
