import { createHash, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply } from 'fastify';
import * as z from 'zod';
import type { Completion, CompletionRequest } from '../completion.ts';
import type { Job } from '../job.ts';
import type { Outcome } from '../model-process.ts';
import { RefusalError } from '../refusal.ts';
import type { ServedModel } from '../served-model.ts';
import { type TraceRoutes, USUAL_URGENCY } from './traces.ts';

const tokens = z.array(z.int().nonnegative()).min(1);
/** What clients send although it is what happens anyway. */
const only = <const T extends number | false | null>(value: T) =>
  z.literal(value, { error: ({ input }) => `${input} is not served: leave it out, or send ${value}` });
const PROMPT = { error: 'one prompt at a time: a text, or the ids of its tokens' };
/** What OpenAI's clients may send, as far as it means something here; what would change the result unheard is refused. */
const common = {
  /** The name of a model, or of a model and an edit: `gpt2:calm`. */
  model: z.string(),
  max_tokens: z.int().positive().nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().positive().max(1).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(16)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.strictObject({ include_usage: z.boolean().optional() }).nullish(),
  n: only(1).nullish(),
  frequency_penalty: only(0).nullish(),
  presence_penalty: only(0).nullish(),
  user: z.string().nullish(),
};
const textSchema = z.strictObject({
  ...common,
  /** Clients send a list of prompts, too: here of one. */
  prompt: z.union([z.string(), tokens, z.array(z.union([z.string(), tokens])).length(1)], PROMPT),
  echo: only(false).nullish(),
  best_of: only(1).nullish(),
  logprobs: only(null).optional(),
});
const content = z.union([z.string(), z.array(z.strictObject({ type: z.literal('text'), text: z.string() }))]);
const chatSchema = z.strictObject({
  ...common,
  messages: z.array(z.looseObject({ role: z.string(), content })).min(1),
  max_completion_tokens: z.int().positive().nullish(),
  logprobs: only(false).nullish(),
});

/** The tokens of a completion where none are asked for, as OpenAI has it. */
const USUAL = 16;

type Body = z.infer<typeof textSchema> | z.infer<typeof chatSchema>;

/** Texts that a model continues, as OpenAI's clients ask for them. */
export function completionRoutes(app: FastifyInstance, { models, jobs }: Pick<TraceRoutes, 'models' | 'jobs'>): void {
  // Their errors are objects.
  app.addHook('preSerialization', async (_, reply, payload) => {
    const { error } = payload as { error?: unknown };
    if (typeof error !== 'string') return payload;
    const type = reply.statusCode < 500 ? 'invalid_request_error' : 'server_error';
    return { error: { message: error, type, param: null, code: null } };
  });
  app.get('/v1/models', async () => ({
    object: 'list',
    data: models
      .filter(({ isLanguage }) => isLanguage)
      .map(({ name }) => ({ id: name, object: 'model', created: 0, owned_by: 'onnsight' })),
  }));
  const answer = async (user: string, body: Body, isChat: boolean, reply: FastifyReply) => {
    const { model, edit } = named(body.model, models);
    const request = Buffer.from(JSON.stringify(requestOf(body, edit)));
    const job = jobs.open(
      {
        ...{ id: randomUUID(), user, model: model.name, form: 'completion', detached: false, isWatched: false },
        urgency: USUAL_URGENCY,
        digest: createHash('sha256').update(request).digest('hex'),
      },
      request,
    );
    const answered = new Answer(body, job, isChat);
    const leave = job.attend();
    reply.raw.once('close', leave);
    return body.stream ? answered.stream(reply) : answered.send(reply);
  };
  app.post('/v1/completions', ({ user, body }, reply) => answer(user, checked(textSchema, body), false, reply));
  app.post('/v1/chat/completions', ({ user, body }, reply) => answer(user, checked(chatSchema, body), true, reply));
}

function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  throw new RefusalError(400, `The request cannot be meant here: ${z.prettifyError(error)}`);
}

function named(text: string, models: readonly ServedModel[]): { model: ServedModel; edit: string | null } {
  const [name, edit = null] = text.split(':', 2) as [string, string?];
  const model = models.find((one) => one.name === name);
  if (model?.isLanguage) return { model, edit };
  const names = models.filter(({ isLanguage }) => isLanguage).map((one) => one.name);
  throw new RefusalError(404, `There is no language model '${name}': there is ${names.join(', ') || 'none'}.`);
}

function requestOf(body: Body, edit: string | null): CompletionRequest {
  const { temperature, top_p, seed, stop, max_tokens } = body;
  const isChat = 'messages' in body;
  return {
    edit,
    prompt: isChat
      ? body.messages.map((message) => ({ ...message, content: textOf(message.content) }))
      : promptOf(body.prompt),
    maxTokens: isChat ? (body.max_completion_tokens ?? max_tokens ?? null) : (max_tokens ?? USUAL),
    temperature: temperature ?? 1,
    topP: top_p ?? null,
    seed: seed ?? null,
    stop: [stop ?? []].flat(),
  };
}

function promptOf(given: z.infer<typeof textSchema>['prompt']): string | readonly number[] {
  if (typeof given === 'string') return given;
  const [first] = given;
  return typeof first === 'number' ? (given as number[]) : first!;
}

function textOf(given: z.infer<typeof content>): string {
  return typeof given === 'string' ? given : given.map(({ text }) => text).join('');
}

/** The answer to one request, in OpenAI's form. */
class Answer {
  readonly #body: Body;
  readonly #job: Job;
  readonly #isChat: boolean;

  constructor(body: Body, job: Job, isChat: boolean) {
    this.#body = body;
    this.#job = job;
    this.#isChat = isChat;
  }

  async send(reply: FastifyReply): Promise<FastifyReply> {
    const outcome = await this.#job.result();
    if ('refusal' in outcome) return reply.code(outcome.refusal.status).send({ error: outcome.refusal.error });
    const completion = completionOf(bodyOf(outcome));
    const { text, finish } = completion;
    const content = this.#isChat ? { message: { role: 'assistant', content: text } } : { text };
    return reply.send({ ...this.#object(false), ...this.#choice(content, finish), usage: usageOf(completion) });
  }

  /** Sends the text as it comes: each piece an event, and `[DONE]` at the end. */
  async stream(reply: FastifyReply): Promise<void> {
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const send = (data: unknown) => raw.write(`data: ${JSON.stringify(data)}\n\n`);
    const piece = (content: object, finish: string | null) =>
      send({ ...this.#object(true), ...this.#choice(content, finish) });
    const said = (text: string) => (this.#isChat ? { delta: { content: text } } : { text });
    if (this.#isChat) piece({ delta: { role: 'assistant', content: '' } }, null);
    this.#job.on('text', (text: string) => piece(said(text), null));
    const outcome = await this.#job.result();
    if ('refusal' in outcome) {
      send({ error: { message: outcome.refusal.error, type: 'server_error', param: null, code: null } });
    } else {
      const completion = completionOf(bodyOf(outcome));
      piece(this.#isChat ? { delta: {} } : { text: '' }, completion.finish);
      const { include_usage = false } = this.#body.stream_options ?? {};
      if (include_usage) send({ ...this.#object(true), choices: [], usage: usageOf(completion) });
    }
    raw.end('data: [DONE]\n\n');
  }

  #object(isPiece: boolean) {
    const { id } = this.#job.request;
    const created = Math.floor(Date.now() / 1000);
    const object = this.#isChat ? `chat.completion${isPiece ? '.chunk' : ''}` : 'text_completion';
    return { id: `${this.#isChat ? 'chatcmpl' : 'cmpl'}-${id}`, object, created, model: this.#body.model };
  }

  #choice(content: object, finish: string | null) {
    return { choices: [{ index: 0, ...content, logprobs: null, finish_reason: finish }] };
  }
}

/** A completion is too small for a store. */
function bodyOf(outcome: Exclude<Outcome, { readonly refusal: unknown }>): Uint8Array {
  if ('body' in outcome) return outcome.body;
  throw new Error(`A completion of ${outcome.stored.size} bytes is in the store.`);
}

function completionOf(body: Uint8Array): Completion {
  return JSON.parse(Buffer.from(body).toString()) as Completion;
}

function usageOf({ promptTokens, tokens: made }: Completion) {
  return { prompt_tokens: promptTokens, completion_tokens: made, total_tokens: promptTokens + made };
}
