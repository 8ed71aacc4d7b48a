import type { FastifyReply, FastifyRequest } from 'fastify';
import * as z from 'zod';
import { PARTS_TYPE, type Part, PartReader, partToBytes } from '../../runtime/requests/parts.ts';
import type { Job } from '../job.ts';
import { type Refusal, RefusalError } from '../refusal.ts';

/** How many traces one request has at most. */
const MOST = 256;

const headSchema = z.strictObject({ id: z.string(), model: z.string() });

/** A trace among others in one request. */
export interface TracePart {
  readonly id: string;
  /** The hash of its model. */
  readonly model: string;
  readonly body: Buffer;
}

/** The answer to one of them. */
export interface PartAnswer {
  readonly status: number;
  /** Its media type. */
  readonly type: string;
  readonly body: Uint8Array;
}

/** The traces of a request. Throws a RefusalError if there are none in it. */
export function tracesIn(body: Buffer): readonly TracePart[] {
  const reader = new PartReader();
  let parts: Part[];
  try {
    parts = [...reader.read(body)];
    reader.end();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RefusalError(400, `These are no traces: ${error.message}.`);
  }
  if (parts.length === 0 || parts.length > MOST) {
    throw new RefusalError(400, `A request has 1 to ${MOST} traces, and this one ${parts.length}.`);
  }
  return parts.map(({ head, body: own }): TracePart => {
    const { success, data, error } = headSchema.safeParse(head);
    if (!success) throw new RefusalError(400, `A trace of several has no id and model: ${z.prettifyError(error)}`);
    return { ...data, body: own as Buffer };
  });
}

export interface AnswerParts {
  /** Makes the job of a trace. Throws a RefusalError for one that is not to run. */
  open(part: TracePart, place: number): Promise<Job>;
  answerOf(job: Job): Promise<PartAnswer>;
}

/** Answers several traces of one request, each when it has ended. */
export function answerParts(
  { log }: FastifyRequest,
  reply: FastifyReply,
  parts: readonly TracePart[],
  { open, answerOf }: AnswerParts,
): FastifyReply {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': PARTS_TYPE, 'cache-control': 'no-store' });
  const leaves: (() => void)[] = [];
  raw.once('close', () => {
    for (const leave of leaves) leave();
  });
  let left = parts.length;
  let made: Uint8Array[] = [];
  // Those that end in one turn of the event loop are sent in one piece.
  const send = () => {
    const bytes = Buffer.concat(made);
    made = [];
    if (left === 0) raw.end(bytes);
    else raw.write(bytes);
  };
  const answer = async ({ id, model }: TracePart, answered: Promise<PartAnswer>) => {
    const { body, ...rest } = await answered.catch((error: unknown) => {
      if (error instanceof RefusalError) return refused(error.refusal);
      log.error(error);
      return refused({ status: 500, error: 'The server has failed. Its log tells why.' });
    });
    log.info({ trace: id, model, status: rest.status }, 'trace answered');
    left--;
    if (made.push(partToBytes({ head: { id, ...rest }, body })) === 1) setImmediate(send);
  };
  const openAll = async () => {
    // One after the other: they are counted, and wait, in their order.
    for (const [place, part] of parts.entries()) {
      const opened = open(part, place);
      const job = await opened.catch(() => null);
      if (!job) {
        answer(part, opened as Promise<never>);
        continue;
      }
      const leave = job.attend();
      if (raw.closed) leave();
      else leaves.push(leave);
      answer(part, answerOf(job));
    }
  };
  openAll();
  return reply;
}

/** A refusal as an answer. */
export function refused({ status, ...refusal }: Refusal): PartAnswer {
  return { status, type: 'application/json', body: Buffer.from(JSON.stringify(refusal)) };
}
