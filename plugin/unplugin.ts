import { createUnplugin } from 'unplugin';
import { CompileError } from '../compiler/diagnostics.ts';
import { rewrite } from './rewrite.ts';

/**
 * The plugin for every bundler that unplugin knows: `onnsight.vite()`, `onnsight.rollup()`, `onnsight.rolldown()`,
 * `onnsight.esbuild()`, `onnsight.webpack()` and so on.
 */
export const onnsight = createUnplugin(() => ({
  name: 'onnsight',
  enforce: 'pre',
  transform: {
    filter: {
      id: { include: /\.[cm]?[jt]sx?(?:\?|$)/, exclude: /[\\/]node_modules[\\/]/ },
      code: { include: /onnsight|use trace/ },
    },
    handler(code, id) {
      const [file = id] = id.split('?');
      try {
        return rewrite(code, file);
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        return this.error({ name: error.code, message: error.format(), id: file, stack: '' });
      }
    },
  },
}));
