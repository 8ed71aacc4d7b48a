import type { Lower } from '../emitter.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { indexingByItems } from './getitem.ts';
import { indexing } from './indexing.ts';
import { linalg } from './linalg.ts';
import { normalisation } from './normalisation.ts';
import { reductions } from './reductions.ts';
import { assignment } from './setitem.ts';
import { shapes } from './shapes.ts';
import { sorting } from './sorting.ts';

/** How every operation on tensors is written in ONNX, by name. */
export const lowerings: Readonly<Record<string, Lower>> = {
  ...elementwise,
  ...reductions,
  ...normalisation,
  ...shapes,
  ...indexing,
  ...indexingByItems,
  ...assignment,
  ...sorting,
  ...linalg,
  ...creation,
};
