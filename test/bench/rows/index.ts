import type { Row } from '../row.ts';

/**
 * The rows by the names that `--row` takes, in the order of the table. A row's file is read by its own process alone:
 * compiling the blocks of all would take longer than to measure one.
 */
export const rows: Readonly<Record<string, () => Promise<Row>>> = {
  start: async () => (await import('./start.ts')).start,
  load: async () => (await import('./load.ts')).load,
  'all-layers': async () => (await import('./all-layers.ts')).allLayers,
  scale: async () => (await import('./scale.ts')).scale,
  'inside-layers': async () => (await import('./inside-layers.ts')).insideLayers,
  'small-models': async () => (await import('./small-models.ts')).smallModels,
  growth: async () => (await import('./growth.ts')).growth,
  mlp: async () => (await import('./mlp.ts')).mlp,
  'new-blocks': async () => (await import('./new-blocks.ts')).newBlocks,
  'other-numbers': async () => (await import('./other-numbers.ts')).otherNumbers,
  partial: async () => (await import('./partial.ts')).partial,
  'logit-lens': async () => (await import('./logit-lens.ts')).logitLens,
  patching: async () => (await import('./patching.ts')).patching,
  'many-traces': async () => (await import('./many-traces.ts')).manyTraces,
  generation: async () => (await import('./generation.ts')).generation,
  transformer: async () => (await import('./transformer.ts')).transformer,
  gradients: async () => (await import('./gradients.ts')).gradients,
  'new-gradients': async () => (await import('./new-gradients.ts')).newGradients,
  devices: async () => (await import('./devices.ts')).devices,
};
