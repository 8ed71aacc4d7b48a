import type { Operation } from '../operation.ts';
import { concatenation } from './concatenation.ts';
import { creation } from './creation.ts';
import { elementwise } from './elementwise.ts';
import { indexingByItems } from './getitem.ts';
import { indexing } from './indexing.ts';
import { linalg } from './linalg.ts';
import { normalisation } from './normalisation.ts';
import { reductions } from './reductions.ts';
import { shapes } from './shapes.ts';
import { sorting } from './sorting.ts';

/** What the graph knows of every operation on tensors, by name. */
export const operations: Readonly<Record<string, Operation>> = {
  ...elementwise,
  ...reductions,
  ...normalisation,
  ...shapes,
  ...concatenation,
  ...indexing,
  ...indexingByItems,
  ...sorting,
  ...linalg,
  ...creation,
};
