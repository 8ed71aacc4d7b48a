import type { Engine } from '../execution/engine.ts';
import type { ModelMap } from './model-map.ts';

/** A model that can run in a trace. */
export interface RunnableModel {
  readonly map: ModelMap;
  readonly engine: Engine;
  /** What runs of an encoder-decoder in the steps of a generation after the first; none of any other model. */
  readonly parts: readonly RunnableModel[];
}
