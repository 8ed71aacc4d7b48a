import type { TracedForward } from '../tracing/forward.ts';
import type { ModelMap } from './model-map.ts';

/** Where a model is attached: a path in another model. */
export interface Place {
  readonly map: ModelMap;
  readonly path: string;
}

/** The calls of an attached model that are meant: those at one place (null: at any), or one call alone. */
export interface Standing {
  readonly place: Place | null;
  readonly call: TracedForward | null;
}

export const ANYWHERE: Standing = { place: null, call: null };
