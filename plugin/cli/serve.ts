import { serve } from '../../server/index.ts';
import type { Limits } from '../../server/limits.ts';
import { UsageError } from './usage-error.ts';

export interface ServeCommandOptions {
  readonly host: string;
  readonly port: string;
  readonly tokens?: string;
  readonly edits?: string;
  readonly redis?: string;
  readonly store?: string;
  /** Each `name=number`. */
  readonly limit: readonly string[];
  readonly quiet?: boolean;
}

/** Serves models until the process is told to end. */
export async function serveModels(models: readonly string[], options: ServeCommandOptions): Promise<void> {
  const { host, port, tokens, edits, redis, store, limit, quiet = false } = options;
  if (store && !redis) throw new UsageError('--store is for a fleet: give --redis URL, too.');
  const limits = readLimits(limit);
  const server = await serve({
    ...{ models, host, port: readPort(port), limits, log: !quiet },
    ...(tokens && { tokens }),
    ...(redis && { redis }),
    ...(store && { store }),
    // The file of edits is compiled as any program with blocks.
    ...(edits && { edits, imports: [REGISTER] }),
  });
  console.log(`${server.url} serves ${models.join(', ')}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await server.close();
      process.exit();
    });
  }
}

/** What compiles a file of edits, in the processes of the models. */
export const REGISTER = new URL('../register.js', import.meta.url).href;

/** Limits, each `name=number`. Throws a UsageError for another form. */
export function readLimits(given: readonly string[]): Partial<Limits> {
  return Object.fromEntries(given.map(readLimit));
}

function readLimit(text: string): [string, number] {
  const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--limit takes name=number, such as time=60, not ${text}.`);
  return [name, Number(value)];
}

function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new UsageError(`--port takes a number from 0 to 65535, not ${text}.`);
}
