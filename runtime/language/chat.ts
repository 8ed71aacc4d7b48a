import { TraceError } from '../errors.ts';
import { callerSite } from '../tracing/caller.ts';
import { renderBounded } from './bounded-template.ts';
import type { LanguageConfig } from './config.ts';

/** One turn of a conversation; a template may read more than these. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or any other role of the model's template. */
  readonly role: string;
  /** A text; null if the turn only calls tools, for templates that support them. */
  readonly content: string | null;
  readonly [key: string]: unknown;
}

export interface ChatOptions {
  /** End with the tokens that open the assistant's turn, for generation (false, if not given, as in transformers). */
  readonly addGenerationPrompt?: boolean;
  /** Which of several templates, by its name; `default`, if not given. */
  readonly template?: string;
  /** JSON schemas of functions that the model may call. */
  readonly tools?: readonly object[];
  /** Anything else the template reads, such as `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The parts of a model's configuration that chats need. */
export type ChatConfig = Pick<LanguageConfig, 'chatTemplates' | 'bosToken' | 'eosToken'>;

/**
 * A conversation as the one text that the model was trained on. It has the special tokens already: encode it without
 * adding them again. Throws a `TraceError` at the user's line for a model without a template, malformed messages,
 * and messages that the template itself refuses.
 */
export function applyChatTemplate(
  config: ChatConfig,
  messages: readonly ChatMessage[],
  options: ChatOptions = {},
): string {
  checkMessages(messages);
  const source = chooseTemplate(config, options);
  try {
    return renderBounded(source, {
      bos_token: config.bosToken ?? '',
      eos_token: config.eosToken ?? '',
      ...options.variables,
      messages,
      tools: options.tools ?? null,
      documents: null,
      add_generation_prompt: options.addGenerationPrompt ?? false,
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new TraceError(`The model's chat template refuses these messages: ${message}`, callerSite(), {
      cause: error,
    });
  }
}

function chooseTemplate({ chatTemplates }: ChatConfig, { template, tools }: ChatOptions): string {
  const names = Object.keys(chatTemplates);
  if (names.length === 0) {
    throw new TraceError(
      'The model has no chat template (chat_template in tokenizer_config.json, or chat_template.jinja): it was not trained on conversations. Give it a text instead.',
      callerSite(),
    );
  }
  const name = template ?? (tools && 'tool_use' in chatTemplates ? 'tool_use' : 'default');
  const source = chatTemplates[name];
  if (source !== undefined) return source;
  throw new TraceError(`The model has no chat template ${name}: choose one of ${names.join(', ')}.`, callerSite());
}

function checkMessages(messages: unknown): void {
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new TraceError('A chat is a list of at least one message { role, content }.', callerSite());
  }
  messages.forEach((message: unknown, index) => {
    const turn = Object(message) as Partial<ChatMessage>;
    if (typeof turn.role !== 'string' || turn.content === undefined) {
      throw new TraceError(`Message ${index} of the chat has no role and content.`, callerSite());
    }
    if (typeof turn.content === 'string' || turn.content === null) return;
    // Templates would print other values in JavaScript's format.
    throw new TraceError(`The content of message ${index} of the chat is not text: give a string.`, callerSite());
  });
}
