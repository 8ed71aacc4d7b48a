import { makeApp } from './app.ts';
import { checkLimits, type Limits } from './limits.ts';
import { serverPackages } from './packages.ts';
import { FolderStore, USUAL_STORE } from './queue/answers.ts';
import { checkServeOptions } from './serve-options.ts';
import { namedModels, servedModel } from './served-model.ts';
import { Tokens } from './tokens.ts';

export type { Limits } from './limits.ts';
export { type WorkOptions, work } from './queue/worker.ts';

/** How long the last answers may take to be sent, in milliseconds. */
const LAST_ANSWERS = 5000;

/** What a server has, and where it listens. */
export interface ServeOptions {
  /**
   * The models: .onnx files, folders of language models, or models of the Hugging Face hub, each with a name before it or
   * without: `gpt2=models/gpt2`.
   */
  readonly models: readonly string[];
  /** The address to listen at: `127.0.0.1`, this machine alone, unless given. */
  readonly host?: string;
  /** The port: 8000 unless given; 0 is any that is free. */
  readonly port?: number;
  /** A file with users and the hashes of their tokens; without it everybody may trace. */
  readonly tokens?: string;
  /**
   * A file that exports edits by name, for completions: functions that take a language model and give an edited copy,
   * `export const calm = (lm: LanguageModel) => lm.edit(() => { … })`.
   */
  readonly edits?: string;
  /** What the processes of the models import first: `onnsight/register`, if the file of edits is not compiled. */
  readonly imports?: readonly string[];
  /**
   * Where the Redis of a fleet is, `redis://localhost:6379`: the jobs go to the workers of `npx onnsight worker` by a queue for
   * each model, and no model runs here.
   */
  readonly redis?: string;
  /** The folder that servers and workers share, for requests and answers above 1 MB: one of the system's temporary folder unless given. */
  readonly store?: string;
  /** What users may ask for. */
  readonly limits?: Partial<Limits>;
  /** Whether requests are logged to standard output, as JSON, a line each: true unless given. */
  readonly log?: boolean;
}

/** A server that runs. */
export interface Server {
  /** Where it listens: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Ends it, and the processes of its models. */
  close(): Promise<void>;
}

/**
 * Serves models to others, who trace them with a `RemoteBackend`. Each model runs in a process of its own, which is ended
 * and replaced when a request exceeds its limits or crashes it.
 * @throws UsageError for models, limits and tokens that cannot be, and where packages are missing; ModelError for a model
 * that cannot be read
 */
export async function serve(options: ServeOptions, ...more: readonly never[]): Promise<Server> {
  checkServeOptions(options, more);
  const { host = '127.0.0.1', port = 8000, log = true, edits = null, imports = [] } = options;
  const { redis, store = USUAL_STORE } = options;
  const limits = checkLimits(options.limits ?? {});
  const packages = await serverPackages(redis !== undefined);
  const tokens = options.tokens === undefined ? null : new Tokens(options.tokens);
  const named = [...namedModels(options.models)];
  const models = await Promise.all(named.map(([name, path]) => servedModel(name, path)));
  const { app, scheduler } = await makeApp(
    {
      models,
      opening: { limits, edits, imports },
      queue: redis === undefined ? null : { url: redis, store: new FolderStore(store) },
      tokens,
      log,
    },
    packages,
  );
  const close = async () => {
    await scheduler.close();
    // Clients keep connections open that they do not use.
    const late = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS);
    await app.close();
    clearTimeout(late);
  };
  try {
    return { url: await app.listen({ host, port }), close };
  } catch (error) {
    await close();
    throw error;
  }
}
