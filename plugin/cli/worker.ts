import { work } from '../../server/index.ts';
import { REGISTER, readLimits } from './serve.ts';

export interface WorkerCommandOptions {
  readonly redis: string;
  readonly store?: string;
  readonly edits?: string;
  /** Each `name=number`. */
  readonly limit: readonly string[];
}

/** Takes jobs of models until the process is told to end; what runs then ends first. */
export async function workOnModels(models: readonly string[], options: WorkerCommandOptions): Promise<void> {
  const { redis, store, edits, limit } = options;
  const worker = await work({
    ...{ models, redis, limits: readLimits(limit) },
    ...(store && { store }),
    ...(edits && { edits, imports: [REGISTER] }),
  });
  console.log(`works on ${models.join(', ')}`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await worker.close();
      process.exit();
    });
  }
}
