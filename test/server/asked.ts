import { type Server, serve } from 'onnsight/serve';
import { baseRequest } from '../fuzz/inputs/base.ts';
import { damageJson } from '../fuzz/inputs/damage.ts';
import { Random } from '../fuzz/inputs/random.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests break what a type would say.
type Json = any;

/** The form of a bare message of ONNX Runtime or of JavaScript. */
export const BARE =
  /onnxruntime_src|Status Message|Non-zero status|Cannot read propert|is not a function|is not iterable/;

/** A server, and the hashes of its models. */
export class Asked {
  readonly server: Server;
  readonly hashes: ReadonlyMap<string, string>;

  constructor(server: Server, hashes: ReadonlyMap<string, string>) {
    this.server = server;
    this.hashes = hashes;
  }

  static async start(options: Parameters<typeof serve>[0]): Promise<Asked> {
    const server = await serve({ ...options, port: 0, log: false });
    const { models } = (await (await fetch(`${server.url}/models`)).json()) as Json;
    return new Asked(server, new Map(models.map(({ name, hash }: Json) => [name, hash])));
  }

  async post(model: string, json: Json): Promise<{ status: number; answer: Json }> {
    const hash = this.hashes.get(model)!;
    const post = () =>
      fetch(`${this.server.url}/traces?model=${hash}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(json.model === undefined ? json : { ...json, model: hash }),
      });
    // The server may close an idle connection just when it is used again; what breaks a new one, too, is the request.
    const response = await post().catch((error: TypeError) => {
      if ((error.cause as NodeJS.ErrnoException | undefined)?.code !== 'ECONNRESET') throw error;
      return post();
    });
    return { status: response.status, answer: await response.json() };
  }
}

export interface Damaged {
  readonly count: number;
  /** The first seed. */
  readonly first: number;
  /** Told how many were answered, after each. */
  readonly onAnswered?: (answered: number) => void;
}

/** How many requests are asked at once. */
const AT_ONCE = 8;

/**
 * Asks for damaged requests; gives how many were answered with which status.
 * @throws Error for one that is refused in words that are none of ours; it tells the seed
 */
export async function askDamaged(
  asked: Asked,
  model: string,
  { count, first, onAnswered }: Damaged,
): Promise<Record<number, number>> {
  const base = baseRequest(asked.hashes.get(model)!);
  const said: Record<number, number> = {};
  let [next, answered] = [first, 0];
  const work = async () => {
    for (let seed = next++; seed < first + count; seed = next++) {
      const { status, answer } = await asked.post(model, damageJson(structuredClone(base), new Random(seed)) as Json);
      said[status] = (said[status] ?? 0) + 1;
      const isRight = status === 200 || (status >= 400 && status < 500 && !BARE.test(answer.error));
      onAnswered?.(++answered);
      if (!isRight) throw new Error(`The request ${seed} is answered ${status}: ${JSON.stringify(answer)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return said;
}
