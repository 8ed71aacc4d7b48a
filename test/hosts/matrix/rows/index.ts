import type { Row } from '../row.ts';
import { BUNDLERS } from './bundlers.ts';
import { BUNDLES } from './bundles.ts';
import { COMPONENTS } from './components.ts';
import { COVERAGE } from './coverage.ts';
import { DEPLOY } from './deploy.ts';
import { RUNNERS } from './runners.ts';
import { TEST_RUNNERS } from './test-runners.ts';
import { TSC } from './tsc.ts';
import { TYPESCRIPT_ESLINT } from './typescript-eslint.ts';
import { WATCHERS } from './watchers.ts';

/** Those that take longest come first, so that none of them is left over at the end. */
export const ROWS: readonly Row[] = [
  ...WATCHERS,
  ...COVERAGE,
  TYPESCRIPT_ESLINT,
  ...BUNDLERS,
  ...COMPONENTS,
  ...TSC,
  ...TEST_RUNNERS,
  ...RUNNERS,
  ...BUNDLES,
  DEPLOY,
];
