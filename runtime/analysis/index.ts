/*
 * What TransformerLens and pyvene have as helpers, over language models whose parts have known names. Each is a short
 * program on what the package exports: docs/analysis.md shows how to write one's own.
 */

export {
  accumulatedResidual,
  type Components,
  decomposeResidual,
  stackHeads,
} from './components.ts';
export { logitAttribution } from './logit-attribution.ts';
export type {
  Answer,
  ComponentOptions,
  HeadPatchingOptions,
  PatchingGrid,
  PatchingOptions,
  PatchOptions,
  PictureOptions,
} from './options.ts';
export type { Parts } from './parts.ts';
export { patch } from './patch.ts';
export {
  getActPatchAttnHeadOutAllPos,
  getActPatchAttnOut,
  getActPatchMlpOut,
  getActPatchResidPre,
} from './patching.ts';
export { drawGrid } from './picture.ts';
export {
  type ByLayer,
  StandardizedTransformer,
  type StandardOptions,
  type SteerOptions,
} from './standardized-transformer.ts';
