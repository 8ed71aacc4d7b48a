import { BREAKS, PLUGINS, PRINTS, packageJson, program, RUN, STEER, TYPESCRIPT, tsconfig } from '../program.ts';
import type { Row } from '../row.ts';

const files = { ...program('module'), 'tsconfig.json': tsconfig() };

const IMPORT = "import { onnsight } from 'onnsight/unplugin';";

const ROLLUP = (plugins: string, imports = '') => `import { rollup } from 'rollup';
${IMPORT}
${imports}
const bundle = await rollup({ input: 'src/main.ts', external: [/^onnsight/], plugins: [${plugins}] });
await bundle.write({ file: 'out/main.mjs', format: 'es', sourcemap: true });
`;

/** Build scripts that watch when they are started with WATCH. */
const WATCH = 'process.env.WATCH';

/** webpack and Rspack take the same options. */
const PACK = (bundler: string, rule: string, plugins: string) => `${bundler}
import { resolve } from 'node:path';
${IMPORT}
const compiler = pack({
  mode: 'development', devtool: 'source-map', target: 'node20', entry: './src/main.ts',
  externalsType: 'module', externals: [/^onnsight/], experiments: { outputModule: true },
  output: { path: resolve('out'), filename: 'main.mjs', module: true, library: { type: 'module' } },
  resolve: { extensions: ['.ts', '.js'] },
  module: { rules: [{ test: /\\.ts$/, ${rule} }] },
  plugins: [${plugins}],
});
const done = (error, stats) => { if (error) throw error; console.log(stats.toString({ preset: 'errors-warnings' })); process.exitCode = stats.hasErrors() ? 1 : 0; };
if (${WATCH}) compiler.watch({}, done);
else compiler.run(done);
`;
const WEBPACK = "import pack from 'webpack';";

const OF_TS_LOADER = (options: string) => `loader: 'ts-loader', options: ${options}`;

const ESBUILD = `import { build, context } from 'esbuild';
${IMPORT}
const options = {
  entryPoints: ['src/main.ts'], bundle: true, platform: 'node', format: 'esm', packages: 'external', sourcemap: true,
  outfile: 'out/main.mjs', plugins: [onnsight.esbuild()],
};
if (${WATCH}) await (await context(options)).watch();
else await build(options);
`;

const ROLLDOWN = `import { rolldown, watch } from 'rolldown';
${IMPORT}
const options = { input: 'src/main.ts', external: [/^onnsight/], platform: 'node', plugins: [onnsight.rolldown()] };
const output = { file: 'out/main.mjs', format: 'es', sourcemap: true };
if (${WATCH}) watch({ ...options, output }).on('event', ({ error }) => error && console.log(error.message));
else await (await rolldown(options)).write(output);
`;

const VITE = `import onnsight from 'onnsight/vite';
export default {
  plugins: [onnsight()],
  build: { ssr: 'src/main.ts', outDir: 'out', sourcemap: true, rollupOptions: { output: { entryFileNames: 'main.mjs' } } },
};
`;

/** A page whose answer is computed when the program is built. */
const ROUTE = `import { LanguageModel, save } from 'onnsight';
import { steer } from '../../../src/steer';
const wrong = (lm: LanguageModel) => lm.trace('The', () => save(lm.transformer.h[0].output.reshape([3, 3])));
export const dynamic = 'force-static';
export async function GET() {
  const lm = await LanguageModel.load('toy-gpt2');
  const message = await wrong(lm).then(String, (error: Error) => error.message);
  return new Response(\`steered \${(await steer(lm, 2)).toFixed(3)}\\n\${message}\\n\`);
}
`;

const NEXT_CONFIG = `${IMPORT}
export default {
  experimental: { serverSourceMaps: true, serverMinification: false },
  serverExternalPackages: ['onnsight', 'onnxruntime-node'],
  webpack: (config) => (config.plugins.unshift(onnsight.webpack()), config),
};
`;

/** A bundler's build script, and what it has built. */
function bundler(name: string, packages: readonly string[], own: Record<string, string>): Row {
  return {
    name,
    packages,
    files: { ...files, ...own },
    commands: ['build.mjs' in own ? 'node build.mjs' : 'vite build', `${RUN}.mjs`],
    expects: [...PRINTS, BREAKS],
  };
}

export const BUNDLERS: readonly Row[] = [
  {
    name: 'Next.js',
    nightly: true,
    packages: ['next@16', 'react@19', 'react-dom@19', '@types/react@19', 'typescript@5.9'],
    files: {
      'package.json': packageJson('module'),
      'src/steer.ts': STEER,
      'next.config.mjs': NEXT_CONFIG,
      'app/layout.tsx':
        'export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>;\n',
      'app/api/steer/route.ts': ROUTE,
    },
    commands: ['next build --webpack && cat .next/server/app/api/steer.body'],
    expects: ['steered 67.617', 'route.ts:3:', BREAKS],
  },
  bundler('ts-loader with ts-patch/compiler', [...TYPESCRIPT, 'webpack@5', 'ts-loader@9'], {
    'tsconfig.json': tsconfig({ plugins: PLUGINS }),
    'build.mjs': PACK(WEBPACK, OF_TS_LOADER("{ compiler: 'ts-patch/compiler' }"), ''),
  }),
  bundler('webpack: ts-loader behind onnsight.webpack()', ['typescript@5.9', 'webpack@5', 'ts-loader@9'], {
    'build.mjs': PACK(WEBPACK, OF_TS_LOADER('{}'), 'onnsight.webpack()'),
  }),
  bundler('Rspack', ['@rspack/core@1'], {
    'build.mjs': PACK(
      "import { rspack as pack } from '@rspack/core';",
      "loader: 'builtin:swc-loader', options: { jsc: { parser: { syntax: 'typescript' } } }, type: 'javascript/auto'",
      'onnsight.rspack()',
    ),
  }),
  bundler(
    'rollup-plugin-typescript2 behind onnsight.rollup()',
    ['typescript@5.9', 'rollup@4', 'rollup-plugin-typescript2@0.37', 'tslib@2'],
    { 'build.mjs': ROLLUP('onnsight.rollup(), ts()', "import ts from 'rollup-plugin-typescript2';") },
  ),
  {
    ...bundler(
      '@rollup/plugin-typescript beside onnsight.rollup()',
      ['typescript@5.9', 'rollup@4', '@rollup/plugin-typescript@12', 'tslib@2'],
      { 'build.mjs': ROLLUP('onnsight.rollup(), ts()', "import ts from '@rollup/plugin-typescript';") },
    ),
    nightly: true,
  },
  bundler('esbuild', ['esbuild'], { 'build.mjs': ESBUILD }),
  bundler('Rolldown', ['rolldown@1'], { 'build.mjs': ROLLDOWN }),
  bundler('Vite', ['vite@8'], { 'vite.config.mjs': VITE }),
];
