import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Dispatcher } from './dispatcher.ts';
import { limitIntake } from './intake.ts';
import { Jobs } from './jobs.ts';
import type { Limits } from './limits.ts';
import type { Opening } from './messages.ts';
import { Metrics } from './metrics.ts';
import type { ServerPackages } from './packages.ts';
import { AnswerLinks } from './queue/links.ts';
import { QueueDispatcher, type QueueOptions } from './queue/queue-dispatcher.ts';
import { RefusalError } from './refusal.ts';
import { answerRoutes } from './routes/answers.ts';
import { completionRoutes } from './routes/completions.ts';
import { modelRoutes } from './routes/models.ts';
import { LONGEST_ID, traceRoutes } from './routes/traces.ts';
import { Scheduler } from './scheduler.ts';
import type { ServedModel } from './served-model.ts';
import type { Tokens } from './tokens.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose token it has; empty where there are no tokens. */
    user: string;
  }
}

export interface AppOptions {
  readonly models: readonly ServedModel[];
  readonly opening: Opening;
  /** Where the queue of workers is; null if the models run here. */
  readonly queue: QueueOptions | null;
  readonly tokens: Tokens | null;
  /** Whether requests are logged, as JSON, to standard output. */
  readonly log: boolean;
}

/** The server's HTTP side, and what runs the jobs that it gets. */
export async function makeApp({ models, opening, queue, tokens, log }: AppOptions, packages: ServerPackages) {
  const { limits } = opening;
  const metrics = new Metrics(packages.prometheus);
  const scheduler = queue
    ? new QueueDispatcher(models, limits, metrics, queue, packages.queue!)
    : new Scheduler(models, opening, metrics);
  await warmUp(scheduler);
  const links = scheduler instanceof QueueDispatcher ? new AnswerLinks(await scheduler.secret()) : null;
  const jobs = new Jobs(limits, scheduler);
  const app: FastifyInstance = packages.fastify({
    logger: log && { redact: ['req.headers.authorization'] },
    bodyLimit: limits.bytesIn,
    // To come in; the answer may take as long as it likes.
    requestTimeout: 120_000,
    routerOptions: { maxParamLength: LONGEST_ID },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: (error, _, reply: FastifyReply) =>
      void reply.code(error.statusCode ?? 400).send({ error: error.message }),
  });
  app.decorateRequest('user', '');
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    if (error instanceof RefusalError) return reply.code(error.refusal.status).send({ error: error.message });
    const { statusCode = 500 } = error;
    if (statusCode < 500) return reply.code(statusCode).send({ error: saying(error, limits) });
    request.log.error(error);
    return reply.code(500).send({ error: 'The server has failed. Its log tells why.' });
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `There is no ${request.method} ${request.url.split('?')[0]} here.` }),
  );
  app.get('/health', async () => ({ status: 'ok', waiting: Object.fromEntries(scheduler.lengths) }));
  await app.register(packages.compress);
  if (links) answerRoutes(app, links, queue!.store);
  await app.register(async (inner) => {
    inner.addHook('onRequest', async (request) => {
      if (tokens) request.user = userOf(request, tokens);
    });
    await inner.register(packages.rateLimit, {
      max: limits.requests,
      timeWindow: '1 minute',
      keyGenerator: ({ user, ip }) => user || ip,
    });
    inner.get('/metrics', async (_, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
    const limitRate = inner.createRateLimit();
    const count = async (request: FastifyRequest) => {
      const counted = await limitRate(request);
      if (!counted.isAllowed && counted.isExceeded) throw new RefusalError(429, tooMany(limits));
    };
    modelRoutes(inner, models);
    limitIntake(inner, limits);
    await inner.register(async (own) => traceRoutes(own, { models, jobs, links, count }));
    await inner.register(async (own) => completionRoutes(own, { models, jobs }));
  });
  return { app, scheduler };
}

/** What is no HTTP is answered like any other request, as far as it can be. */
function refuseUnreadable({ code }: Error & { code?: string }, socket: Socket): void {
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, error] = UNREADABLE[code ?? ''] ?? [
    '400 Bad Request',
    'This is no request of HTTP, or not all of it.',
  ];
  const body = JSON.stringify({ error });
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
}

const UNREADABLE: Readonly<Record<string, readonly [status: string, error: string]>> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers of the request are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request has not come in time.'],
};

async function warmUp(dispatcher: Dispatcher): Promise<void> {
  try {
    await dispatcher.warmUp();
  } catch (error) {
    await dispatcher.close();
    throw error;
  }
}

function userOf({ headers: { authorization = '' } }: FastifyRequest, tokens: Tokens): string {
  const [, token] = /^Bearer (.+)$/i.exec(authorization) ?? [];
  const user = token === undefined ? null : tokens.user(token);
  if (user !== null) return user;
  throw new RefusalError(
    401,
    token === undefined
      ? "This server wants a token: new RemoteBackend(url, { token: '…' })."
      : 'The token is none of this server.',
  );
}

/** Fastify's errors in the words of this server. */
function saying({ code, message }: Error & { code?: string }, limits: Limits): string {
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return `The request is larger than ${limits.bytesIn} bytes, which this server takes.`;
  return /^Rate limit/.test(message) ? tooMany(limits) : message;
}

function tooMany({ requests }: Limits): string {
  return `More than ${requests} requests in a minute: try again later.`;
}
