import onnsight from 'onnsight/vite';

/* For `vite build` and for `vitest`, run in the folder of the package. */
const entries = [...JSON.parse(process.env.PROGRAMS), 'test/hosts/program/app'];

export default {
  plugins: [onnsight()],
  ssr: { external: true },
  build: {
    ssr: true,
    sourcemap: true,
    rollupOptions: { input: Object.fromEntries(entries.map((path) => [path, `${path}.ts`])) },
  },
  test: {
    include: ['test/hosts/program/app.vitest.ts'],
    testTimeout: 60_000,
    pool: 'forks',
    disableConsoleIntercept: true,
  },
};
