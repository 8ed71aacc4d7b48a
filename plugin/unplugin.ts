import { createUnplugin, type UnpluginBuildContext, type UnpluginContext, type UnpluginOptions } from 'unplugin';
import { CompileError } from '../compiler/diagnostics.ts';
import { BundleFiles, LOADER } from './bundle-files.ts';
import { OPERATORS, withoutClosures } from './coverage.ts';
import { operatorsPlugin } from './operators-plugin.ts';
import { originalOf } from './original.ts';
import { type Rewritten, rewrite } from './rewrite.ts';
import type { SourceMapJson } from './source-maps.ts';
import { withoutChecks } from './without-checks.ts';

const CODE = { include: /onnsight|use trace/ };
const INSTALLED = /[\\/]node_modules[\\/]/;

/** Bundlers whose loaders may check the types of what other plugins give them. */
const CHECKING = new Set(['rollup', 'webpack', 'rspack']);

/**
 * The plugin for every bundler that unplugin knows: `onnsight.vite()`, `onnsight.rollup()`, `onnsight.rolldown()`,
 * `onnsight.esbuild()`, `onnsight.webpack()` and so on.
 */
export const onnsight = createUnplugin((_options: undefined, { framework }) => [
  {
    name: 'onnsight',
    enforce: 'pre',
    transform: {
      filter: { id: { include: /\.[cm]?[jt]sx?(?:\?|$)/, exclude: INSTALLED }, code: CODE },
      handler(code, id) {
        const [file = id] = id.split('?');
        const rewritten = lower(this, code, file);
        return rewritten && CHECKING.has(framework) ? withoutChecks(rewritten, file) : rewritten;
      },
    },
  },
  {
    // the scripts of components, when their own plugins have made JavaScript of them
    name: 'onnsight:components',
    enforce: 'post',
    transform: {
      filter: { id: { include: /\.(?:vue|svelte|astro)(?:\?|$)/, exclude: INSTALLED }, code: CODE },
      handler(code, id) {
        const [file = id] = id.split('?');
        return lower(this, code, file);
      },
    },
  },
  bundlesPlugin(framework),
  operatorsPlugin(framework),
  coveragePlugin(),
]);

/** Brings the files of bundles along whose loaders are built. */
function bundlesPlugin(framework: string): UnpluginOptions {
  const files = new BundleFiles();
  const name = 'onnsight:bundles';
  if (framework !== 'esbuild') {
    return { name, rollup: files.rollup, rolldown: files.rollup, vite: { apply: 'build', ...files.rollup } };
  }
  return {
    name,
    transform: {
      filter: { id: /\.js$/, code: LOADER },
      handler(code, id) {
        const native = this.getNativeBuildContext?.();
        const { format = 'cjs' } = native?.framework === 'esbuild' ? native.build.initialOptions : {};
        const isCommonJs = format === 'cjs';
        return files.place(code, id, isCommonJs ? "require('node:url').pathToFileURL(__filename)" : 'import.meta.url');
      },
    },
    esbuild: { setup: files.esbuild },
  };
}

/** Under vitest's coverage only: the functions of compiled code that are none of the user's are not counted. */
function coveragePlugin(): UnpluginOptions {
  let isCounting = false;
  // vitest's own hook, of which Vite's types know nothing
  const hook = {
    configureVitest({ vitest }: { vitest: { config: { coverage: { enabled: boolean } } } }) {
      isCounting = vitest.config.coverage.enabled;
    },
  };
  return {
    name: 'onnsight:coverage',
    enforce: 'post',
    vite: {
      apply: 'serve',
      ...hook,
      transform: {
        filter: { id: { exclude: INSTALLED }, code: OPERATORS },
        handler: (code, id) => (isCounting ? withoutClosures(code, id.split('?')[0]!) : null),
      },
    },
  };
}

type Context = UnpluginBuildContext & UnpluginContext;

function lower(context: Context, code: string, file: string): Rewritten | null {
  const original = originalOf(code, file, () => mapOf(context));
  try {
    const rewritten = rewrite(code, file, original === 'unknown' || original === null ? {} : { original });
    if (rewritten && original === 'unknown') {
      context.warn(
        `${file} reaches onnsight as another text than it holds, and without a source map: its errors name lines of that text. Turn on the source maps of the plugin that changes it (in Vite, build.sourcemap), or let onnsight come before it.`,
      );
    }
    return rewritten;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    context.error({ name: error.code, message: error.format(), id: file, stack: '' });
    return null;
  }
}

/** The map of the plugins and loaders before this one; null if there are none, or they make no maps. */
function mapOf(context: Context): SourceMapJson | null {
  if ('getCombinedSourcemap' in context && typeof context.getCombinedSourcemap === 'function') {
    return context.getCombinedSourcemap() as SourceMapJson;
  }
  const native = context.getNativeBuildContext?.() as { inputSourceMap?: SourceMapJson } | null | undefined;
  return native?.inputSourceMap ?? null;
}
