import { hash, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { FRAME_TYPE, LINK_TYPE, type NewToken } from '../../runtime/index.ts';
import { PARTS_TYPE } from '../../runtime/requests/parts.ts';
import type { Job, JobRequest } from '../job.ts';
import type { Jobs } from '../jobs.ts';
import type { Form } from '../messages.ts';
import type { Outcome } from '../model-process.ts';
import type { AnswerLinks } from '../queue/links.ts';
import { RefusalError } from '../refusal.ts';
import type { ServedModel } from '../served-model.ts';
import { answerParts, type PartAnswer, refused, tracesIn } from './parts.ts';

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
  /** Counts one request more of a user. Throws a RefusalError for one too many. */
  readonly count: (request: FastifyRequest) => Promise<void>;
}

/** Traces: they come in, are watched, cancelled, and answered. */
export function traceRoutes(app: FastifyInstance, { models, jobs, links, count }: TraceRoutes): void {
  const find = (request: FastifyRequest) => jobs.find(request.user, (request.params as { id: string }).id);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([FRAME_TYPE, PARTS_TYPE, 'application/json'], { parseAs: 'buffer' }, (_, body, done) =>
    done(null, body),
  );

  app.post('/traces', async (request, reply) => {
    if (request.headers['content-type']!.startsWith(PARTS_TYPE)) {
      return answerParts(request, reply, tracesIn(bodyOf(request)), {
        async open({ id, model, body }, place) {
          // The first one was counted as the request that it is.
          if (place > 0) await count(request);
          return jobs.open(openedBy(request, { id, model, body, form: 'bytes' }, models), body);
        },
        answerOf: async (job) => answerOf(job, await job.result(), links),
      });
    }
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

function bodyOf({ body }: FastifyRequest): Buffer {
  if (Buffer.isBuffer(body)) return body;
  throw new RefusalError(400, 'A trace is sent as the body of the request.');
}

/** The trace that a request is. */
function readRequest(request: FastifyRequest, models: readonly ServedModel[]) {
  const { headers, query } = request;
  const body = bodyOf(request);
  const { model } = query as { model?: string };
  const { 'idempotency-key': id = randomUUID(), prefer, 'content-type': contentType } = headers;
  // JSON is UTF-8, whatever its type says: another encoding would be read wrongly.
  const [, charset = 'utf-8'] = /;\s*charset="?([\w-]+)/i.exec(contentType!) ?? [];
  if (!/^utf-?8$/i.test(charset)) throw new RefusalError(415, `A trace is sent in UTF-8, not in ${charset}.`);
  const form: Form = contentType!.startsWith(FRAME_TYPE) ? 'bytes' : 'json';
  const detached = prefer === 'respond-async';
  const isWatched = detached || headers.accept === 'text/event-stream';
  return { ...openedBy(request, { id, model, body, form }, models), body, detached, isWatched };
}

interface Opened {
  readonly id: unknown;
  readonly model: string | undefined;
  readonly body: Buffer;
  readonly form: Form;
}

/** The job that a trace of a request is. Throws a RefusalError if it is none. */
function openedBy({ user, headers }: FastifyRequest, opened: Opened, models: readonly ServedModel[]): JobRequest {
  const { id, model: known, body, form } = opened;
  const model = models.find((one) => one.hash === known);
  if (!model) {
    const names = models.map(({ name }) => name).join(', ');
    throw new RefusalError(
      404,
      known === undefined
        ? 'The request does not say which model it is for: POST /traces?model=HASH, with the hash that GET /models tells.'
        : `None of the models of this server (${names}) has the graph and weights of the model that was traced (${known}). Trace the same file.`,
    );
  }
  if (typeof id !== 'string' || !ID.test(id)) {
    throw new RefusalError(400, 'idempotency-key is the id of the job: up to 128 letters, digits and any of _ . ~ -');
  }
  const urgency = urgencyOf(headers.priority);
  const digest = hash('sha256', body, 'hex');
  return { id, user, model: model.name, form, digest, detached: false, isWatched: false, urgency };
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
  const { status, type, body } = answerOf(job, await job.result(), links);
  return reply.code(status).type(type).send(body);
}

/** What a job that has ended is answered with. */
function answerOf({ request: { form } }: Job, outcome: Outcome, links: AnswerLinks | null): PartAnswer {
  if ('refusal' in outcome) return refused(outcome.refusal);
  if ('body' in outcome) {
    return { status: 200, type: form === 'bytes' ? FRAME_TYPE : 'application/json', body: outcome.body };
  }
  const link = JSON.stringify({ url: links!.link(outcome.stored.key) });
  return { status: 200, type: LINK_TYPE, body: Buffer.from(link) };
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
