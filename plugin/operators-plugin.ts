import { resolve } from 'node:path';
import type { UnpluginOptions } from 'unplugin';
import { ownOperators, reachesOperators, UNREACHED } from './reach.ts';

const NAME = 'onnsight:operators';
const ID = /^onnsight\/operators$/;

/**
 * Finds what compiled code imports where the package of a file does not: one of a workspace that only has functions with
 * 'use trace' need not depend on this package. The program gets it as if it imported it itself, from outside or inside.
 */
export function operatorsPlugin(framework: string): UnpluginOptions {
  if (framework === 'esbuild') return { name: NAME, esbuild: { setup: inEsbuild } };
  if (framework === 'webpack' || framework === 'rspack') {
    return {
      name: NAME,
      resolveId: { filter: { id: ID }, handler: (_, importer) => (isMissing(importer) ? ownOperators() : null) },
    };
  }
  let program = resolve('index.js');
  let isServing = false;
  return {
    name: NAME,
    enforce: 'pre',
    vite: {
      configResolved({ root, command }) {
        program = resolve(root, 'index.js');
        isServing = command === 'serve';
      },
    },
    transform: {
      filter: { code: /onnsight\/operators/ },
      handler(_, id) {
        // there Node finds packages, and asks nobody
        const isInNode = isServing && (this as unknown as RollupContext).environment?.config?.consumer === 'server';
        if (isInNode && isMissing(id)) this.warn(`${id} has functions with 'use trace'. ${UNREACHED}`);
        return null;
      },
    },
    resolveId: {
      filter: { id: ID },
      async handler(id, importer) {
        if (!isMissing(importer)) return null;
        const context = this as unknown as RollupContext;
        return (await context.resolve(id, program, { skipSelf: true })) ?? ownOperators();
      },
    },
  };
}

/** What is asked of the context of Rollup's, Rolldown's and Vite's plugins. */
interface RollupContext {
  readonly environment?: { readonly config?: { readonly consumer?: string } };
  resolve(id: string, importer: string, options: { readonly skipSelf: boolean }): Promise<{ id: string } | null>;
}

const inEsbuild: NonNullable<NonNullable<UnpluginOptions['esbuild']>['setup']> = (build) => {
  const { absWorkingDir: resolveDir = process.cwd() } = build.initialOptions;
  build.onResolve({ filter: ID }, async ({ path, importer, kind, pluginData }) => {
    if (pluginData === NAME || !isMissing(importer)) return null;
    const found = await build.resolve(path, { kind, resolveDir, pluginData: NAME });
    return found.errors.length > 0 ? { path: ownOperators() } : found;
  });
};

function isMissing(importer: string | undefined): boolean {
  return importer !== undefined && !reachesOperators(importer.split('?')[0]!);
}
