import type { FastifyInstance } from 'fastify';
import type { Limits } from './limits.ts';
import { RefusalError } from './refusal.ts';

/** Lets in as many bytes of bodies at once as the memory has room for: a body is in memory until its request is answered. */
export function limitIntake(app: FastifyInstance, { kept, bytesIn }: Limits): void {
  let bytes = 0;
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST') return;
    const { 'content-length': length, 'content-encoding': encoding } = request.headers;
    if (length === undefined)
      throw new RefusalError(411, 'The request does not tell the length of its body (content-length).');
    // What is compressed may become as large as a body can be.
    const size = encoding === undefined ? Number(length) : bytesIn;
    // The parser refuses it: there will never be room for it.
    if (size > bytesIn) return;
    if (bytes + size > kept) throw new RefusalError(503, 'The server has its hands full. Try again later.');
    bytes += size;
    reply.raw.once('close', () => {
      bytes -= size;
    });
  });
}
