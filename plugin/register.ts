/**
 * `node --import onnsight/register app.ts`, or `tsx --import onnsight/register app.ts`: runs TypeScript with its trace
 * blocks lowered. tsx does everything else, so it is loaded here; hooks run last registered first, so ours, registered
 * after it, have the last word on a file with blocks, in both command lines alike.
 */
import Module from 'node:module';
import { compileRequired } from './commonjs.ts';
import { loadSync } from './hooks.ts';

/** Node's synchronous hooks, which serve `require` too: since 22.15, past the oldest Node that the types describe. */
interface SynchronousHooks {
  registerHooks?(hooks: { load: typeof loadSync }): void;
}

const launchedByTsx = process.execArgv.some((argument) => /[\\/]tsx[\\/]dist[\\/]loader\.mjs$/.test(argument));
if (!launchedByTsx) await import(import.meta.resolve('tsx'));

process.setSourceMapsEnabled(true);
const { registerHooks } = Module as SynchronousHooks;
if (registerHooks) registerHooks({ load: loadSync });
else Module.register('./hooks.js', import.meta.url);
compileRequired();
