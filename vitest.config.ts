import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import onnsight from './plugin/vite.ts';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

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
  // Many tests wait for processes of their own, so that no core is left to vitest itself.
  test: { include: ['test/**/*.test.ts'], testTimeout: 120_000, pool: 'forks', isolate: false, maxWorkers: '100%' },
});
