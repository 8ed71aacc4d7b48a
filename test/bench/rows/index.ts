import type { Row } from '../row.ts';
import { allLayers } from './all-layers.ts';
import { devices } from './devices.ts';
import { firstLayer } from './first-layer.ts';
import { load } from './load.ts';
import { manyTraces } from './many-traces.ts';
import { mlp } from './mlp.ts';
import { newBlocks } from './new-blocks.ts';
import { otherNumbers } from './other-numbers.ts';
import { patching } from './patching.ts';
import { scale } from './scale.ts';
import { transformer } from './transformer.ts';

/** The rows by the names that `--row` takes, in the order of the table. */
export const rows: Readonly<Record<string, Row>> = {
  load,
  'all-layers': allLayers,
  scale,
  mlp,
  'new-blocks': newBlocks,
  'other-numbers': otherNumbers,
  'first-layer': firstLayer,
  patching,
  'many-traces': manyTraces,
  transformer,
  devices,
};
