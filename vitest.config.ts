import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import onnsight from './plugin/vite.ts';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Tests that look at their process as a whole, or replace modules in it: each has one of its own. */
const ALONE = 'test/**/*.alone.test.ts';

export default defineConfig({
  plugins: [onnsight()],
  resolve: {
    alias: [
      { find: /^onnsight$/, replacement: source('runtime/index.ts') },
      { find: /^onnsight\/analysis$/, replacement: source('runtime/analysis/index.ts') },
      { find: /^onnsight\/bundle$/, replacement: source('runtime/bundle/node.ts') },
      { find: /^onnsight\/plots$/, replacement: source('runtime/plots/index.ts') },
      { find: /^onnsight\/operators$/, replacement: source('runtime/operators/index.ts') },
    ],
  },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // Many tests wait for processes of their own, so that no core is left to vitest itself.
    maxWorkers: '100%',
    setupFiles: ['test/support/shared-cores.ts'],
    // A tenth of the time goes to garbage collections otherwise: most of what tests make is young when it is dropped.
    execArgv: ['--max-semi-space-size=64'],
    projects: [
      // Files share processes: the library is loaded once, and has to give the same answers in a process that has run others.
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: [ALONE, '**/node_modules/**'],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: [ALONE] } },
    ],
  },
});
