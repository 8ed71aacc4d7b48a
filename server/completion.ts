import type { ChatMessage, LanguageModel } from '../runtime/index.ts';
import { StopTexts } from './stop-texts.ts';

/** What is to be continued, and how. */
export interface CompletionRequest {
  /** The name of an edit of the model; null is the model itself. */
  readonly edit: string | null;
  /** A text, the ids of its tokens, or a conversation. */
  readonly prompt: string | readonly number[] | readonly ChatMessage[];
  /** Tokens at most; as many as the model's context holds unless given. */
  readonly maxTokens: number | null;
  /** 0 takes the most likely token each time. */
  readonly temperature: number;
  readonly topP: number | null;
  readonly seed: number | null;
  /** Texts that end it, which it does not have itself. */
  readonly stop: readonly string[];
}

export interface Completion {
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
  readonly tokens: number;
}

/** Tokens at most, where neither the request nor the model's configuration tells. */
const USUAL = 256;

/** Continues a text. @param onText told what comes, as it comes */
export async function complete(
  lm: LanguageModel,
  { prompt, maxTokens, temperature, topP, seed, stop }: CompletionRequest,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<Completion> {
  const ids = idsOf(lm, prompt);
  const most = maxTokens ?? roomFor(lm, ids.length);
  const stops = new StopTexts(stop);
  const isStopped = new AbortController();
  const last: number[] = [];
  let text = '';
  const say = (more: string) => {
    if (more === '') return;
    text += more;
    onText(more);
  };
  try {
    await lm.generate([ids] as never, {
      maxNewTokens: most,
      doSample: temperature > 0,
      // At 0 it is the most likely token, whatever the rest says.
      ...(temperature > 0 && { temperature, ...(topP !== null && { topP }), ...(seed !== null && { seed }) }),
      signal: AbortSignal.any([signal, isStopped.signal]),
      onToken(token) {
        last.push(token.id);
        say(stops.push(token.text));
        if (stops.found) isStopped.abort();
      },
    });
  } catch (error) {
    if (!isStopped.signal.aborted) throw error;
  }
  say(stops.end());
  const isOver = stops.found || last.length < most || endsOf(lm).has(last.at(-1)!);
  return { text, finish: isOver ? 'stop' : 'length', promptTokens: ids.length, tokens: last.length };
}

function idsOf(lm: LanguageModel, prompt: CompletionRequest['prompt']): readonly number[] {
  if (typeof prompt === 'string') return lm.tokenizer.encode(prompt).ids;
  const isChat = typeof prompt[0] === 'object';
  if (!isChat) return prompt as readonly number[];
  return lm.tokenizer.encode(lm.chatText(prompt as readonly ChatMessage[]), { add_special_tokens: false }).ids;
}

function roomFor({ config }: LanguageModel, promptTokens: number): number {
  const positions = config.max_position_embeddings ?? config.n_positions;
  return typeof positions === 'number' ? Math.max(1, positions - promptTokens + 1) : USUAL;
}

function endsOf({ config }: LanguageModel): ReadonlySet<unknown> {
  return new Set([config.eos_token_id].flat());
}
