import type { FastifyInstance } from 'fastify';
import { RefusalError } from './refusal.ts';

/** Lets in as many bytes of bodies at once as the memory has room for: a body is in memory until its request is answered. */
export function limitIntake(app: FastifyInstance, most: number): void {
  let bytes = 0;
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST') return;
    const { 'content-length': length } = request.headers;
    if (length === undefined)
      throw new RefusalError(411, 'The request does not tell the length of its body (content-length).');
    const size = Number(length);
    if (bytes + size > most) throw new RefusalError(503, 'The server has its hands full. Try again later.');
    bytes += size;
    reply.raw.once('close', () => {
      bytes -= size;
    });
  });
}
