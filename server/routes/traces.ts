import { createHash, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FRAME_TYPE, LINK_TYPE, type NewToken } from '../../runtime/index.ts';
import type { Job } from '../job.ts';
import type { Jobs } from '../jobs.ts';
import type { Form } from '../messages.ts';
import type { AnswerLinks } from '../queue/links.ts';
import { RefusalError } from '../refusal.ts';
import type { ServedModel } from '../served-model.ts';

/** How many characters the id of a job has at most. */
export const LONGEST_ID = 128;

/** The form of a job's id. */
const ID = new RegExp(`^[\\w.~-]{1,${LONGEST_ID}}$`);

/** Of jobs that say nothing of it, as RFC 9218 has it. */
export const USUAL_URGENCY = 3;

export interface TraceRoutes {
  readonly models: readonly ServedModel[];
  readonly jobs: Jobs;
  /** Of answers that lie in the store of a fleet. */
  readonly links: AnswerLinks | null;
}

/** Traces: they come in, are watched, cancelled, and answered. */
export function traceRoutes(app: FastifyInstance, { models, jobs, links }: TraceRoutes): void {
  const find = (request: FastifyRequest) => jobs.find(request.user, (request.params as { id: string }).id);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([FRAME_TYPE, 'application/json'], { parseAs: 'buffer' }, (_, body, done) =>
    done(null, body),
  );

  app.post('/traces', async (request, reply) => {
    const { body, ...asked } = readRequest(request, models);
    const job = jobs.open(asked, body);
    if (request.headers.accept === 'text/event-stream') return stream(reply, job);
    if (!job.request.detached) return answer(reply, job, links);
    return reply.code(202).header('location', `/traces/${job.request.id}`).send(statusOf(job));
  });
  app.get('/traces/:id', async (request) => statusOf(await find(request)));
  app.get('/traces/:id/events', async (request, reply) => stream(reply, await find(request)));
  app.get('/traces/:id/result', async (request, reply) => answer(reply, await find(request), links));
  app.delete('/traces/:id', async (request) => {
    const job = await find(request);
    job.cancel();
    return statusOf(job);
  });
}

function readRequest({ user, headers, query, body }: FastifyRequest, models: readonly ServedModel[]) {
  if (!Buffer.isBuffer(body)) throw new RefusalError(400, 'A trace is sent as the body of the request.');
  const { model: hash } = query as { model?: string };
  const model = models.find((one) => one.hash === hash);
  if (!model) {
    const names = models.map(({ name }) => name).join(', ');
    throw new RefusalError(
      404,
      hash === undefined
        ? 'The request does not say which model it is for: POST /traces?model=HASH, with the hash that GET /models tells.'
        : `None of the models of this server (${names}) has the graph and weights of the model that was traced (${hash}). Trace the same file.`,
    );
  }
  const { 'idempotency-key': id = randomUUID(), prefer, 'content-type': contentType } = headers;
  if (typeof id !== 'string' || !ID.test(id)) {
    throw new RefusalError(400, 'idempotency-key is the id of the job: up to 128 letters, digits and any of _ . ~ -');
  }
  // JSON is UTF-8, whatever its type says: another encoding would be read wrongly.
  const [, charset = 'utf-8'] = /;\s*charset="?([\w-]+)/i.exec(contentType!) ?? [];
  if (!/^utf-?8$/i.test(charset)) throw new RefusalError(415, `A trace is sent in UTF-8, not in ${charset}.`);
  const form: Form = contentType!.startsWith(FRAME_TYPE) ? 'bytes' : 'json';
  const digest = createHash('sha256').update(body).digest('hex');
  const detached = prefer === 'respond-async';
  const isWatched = detached || headers.accept === 'text/event-stream';
  return { id, user, model: model.name, form, body, digest, detached, isWatched, urgency: urgencyOf(headers.priority) };
}

/** The urgency of a header `priority: u=5`. Throws a RefusalError for one that goes before that of others. */
function urgencyOf(given: string | string[] | undefined): number {
  if (given === undefined) return USUAL_URGENCY;
  const [, urgency] = /^u=([0-7])$/.exec(String(given)) ?? [];
  if (urgency !== undefined && Number(urgency) >= USUAL_URGENCY) return Number(urgency);
  throw new RefusalError(400, `priority: ${given} is not from u=3 (usual) to u=7 (after all others).`);
}

function statusOf({ request: { id, model }, status, progress, outcome }: Job) {
  const error = outcome && 'refusal' in outcome ? { error: outcome.refusal.error } : {};
  return { id, model, status, progress, ...error };
}

/** Waits for a job, and sends its answer. */
async function answer(reply: FastifyReply, job: Job, links: AnswerLinks | null): Promise<FastifyReply> {
  const leave = job.attend();
  reply.raw.once('close', leave);
  const outcome = await job.result();
  if ('body' in outcome) {
    return reply.type(job.request.form === 'bytes' ? FRAME_TYPE : 'application/json').send(outcome.body);
  }
  if ('stored' in outcome) return reply.type(LINK_TYPE).send(JSON.stringify({ url: links!.link(outcome.stored.key) }));
  const { status, ...refusal } = outcome.refusal;
  return reply.code(status).send(refusal);
}

/** Sends what becomes of a job as it happens (server-sent events), until it has ended. */
function stream(reply: FastifyReply, job: Job): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  const send = (event: string, data: unknown) => raw.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const onProgress = () => send('progress', job.progress);
  const onToken = (token: NewToken) => send('token', token);
  const onEnd = () => {
    send('end', statusOf(job));
    raw.end();
  };
  const leave = job.attend();
  raw.once('close', () => {
    job.off('progress', onProgress);
    job.off('token', onToken);
    job.off('end', onEnd);
    leave();
  });
  send('status', statusOf(job));
  for (const token of job.tokens) onToken(token);
  if (job.outcome) onEnd();
  else job.on('progress', onProgress).on('token', onToken).once('end', onEnd);
  return reply;
}
