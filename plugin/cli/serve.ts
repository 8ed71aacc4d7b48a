import { serve } from '../../server/index.ts';
import type { Limits } from '../../server/limits.ts';
import { UsageError } from './usage-error.ts';

export interface ServeCommandOptions {
  readonly host: string;
  readonly port: string;
  readonly tokens?: string;
  readonly edits?: string;
  /** Each `name=number`. */
  readonly limit: readonly string[];
  readonly quiet?: boolean;
}

/** Serves models until the process is told to end. */
export async function serveModels(models: readonly string[], options: ServeCommandOptions): Promise<void> {
  const { host, port, tokens, edits, limit, quiet = false } = options;
  const limits = Object.fromEntries(limit.map(readLimit)) as Partial<Limits>;
  const server = await serve({
    ...{ models, host, port: readPort(port), limits, log: !quiet },
    ...(tokens && { tokens }),
    // The file of edits is compiled as any program with blocks.
    ...(edits && { edits, imports: [new URL('../register.js', import.meta.url).href] }),
  });
  console.log(`${server.url} serves ${models.join(', ')}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await server.close();
      process.exit();
    });
  }
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
