/**
 * `node --import onnsight/register app.ts`, or `tsx --import onnsight/register app.ts`: runs TypeScript with its trace
 * blocks lowered. tsx does everything else, so it is loaded here; hooks run last registered first, so ours, registered
 * after it, have the last word on a file with blocks, in both command lines alike.
 */
import Module from 'node:module';
import { compileRequired } from './commonjs.ts';
import { loadSync } from './hooks.ts';
import { checkPlugAndPlay } from './plug-n-play.ts';

/** Node's synchronous hooks, which serve `require` too: since 22.15, past the oldest Node that the types describe. */
interface SynchronousHooks {
  registerHooks?(hooks: { load: typeof loadSync }): void;
}

/** Node's own cache of compiled JavaScript: since 22.1. */
interface CompileCache {
  enableCompileCache?(): void;
}

checkPlugAndPlay('onnsight/register', 22);

// Coverage is less exact with it.
if (!process.env.NODE_V8_COVERAGE) (Module as CompileCache).enableCompileCache?.();

// Before tsx, whose loader reads and resolves each file of whatever is imported after it. A program that cannot have the
// library, as ONNX Runtime's own part is missing, says so where it imports it.
await Promise.allSettled([import('onnsight'), import('onnsight/operators')]);

const launchedByTsx = process.execArgv.some((argument) => /[\\/]tsx[\\/]dist[\\/]loader\.mjs$/.test(argument));
if (!launchedByTsx) await import(import.meta.resolve('tsx'));

process.setSourceMapsEnabled(true);
const { registerHooks } = Module as SynchronousHooks;
if (registerHooks) registerHooks({ load: loadSync });
else Module.register('./hooks.js', import.meta.url);
compileRequired();
