import type { FastifyInstance } from 'fastify';
import { FRAME_TYPE } from '../../runtime/index.ts';
import type { AnswerStore } from '../queue/answers.ts';
import type { AnswerLinks } from '../queue/links.ts';
import { RefusalError } from '../refusal.ts';

/** Answers that lie in the store of a fleet, by signed URLs that expire. */
export function answerRoutes(app: FastifyInstance, links: AnswerLinks, store: AnswerStore): void {
  app.get('/answers/:key', async (request, reply) => {
    const { key } = request.params as { key: string };
    if (!links.holds(key, request.query as object)) {
      throw new RefusalError(
        403,
        'This URL of an answer has expired, or is none. Ask for the result of the job again.',
      );
    }
    const bytes = await store.get(key);
    if (!bytes) throw new RefusalError(404, 'This answer is not kept any more. Run the trace again.');
    return reply.type(FRAME_TYPE).send(bytes);
  });
}
