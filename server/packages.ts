import { queuePackages } from './queue/redis.ts';
import { UsageError } from './usage-error.ts';

/** The packages that a server is made of: those who only trace need not install them. */
/** @param withQueue whether those of a fleet are wanted, too */
export async function serverPackages(withQueue = false) {
  const [{ fastify }, { default: compress }, { default: rateLimit }, prometheus] = await Promise.all([
    import('fastify'),
    import('@fastify/compress'),
    import('@fastify/rate-limit'),
    import('prom-client'),
  ]).catch((cause) => {
    throw new UsageError(
      `A server needs packages that could not be loaded: npm install fastify @fastify/compress @fastify/rate-limit prom-client (${cause.message})`,
      { cause },
    );
  });
  return { fastify, compress, rateLimit, prometheus, queue: withQueue ? await queuePackages() : null };
}

export type ServerPackages = Awaited<ReturnType<typeof serverPackages>>;
