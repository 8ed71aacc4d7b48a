import { LanguageModel, type LoadOptions, NNsight } from '../runtime/index.ts';
import type { OpenedModel } from './messages.ts';

/** The models of a server that traces of another one may call: each is opened when it is called first. */
export class AttachedModels {
  readonly #known: ReadonlyMap<string, OpenedModel>;
  readonly #options: LoadOptions;
  readonly #open = new Map<string, Promise<object>>();

  constructor(known: readonly OpenedModel[], options: LoadOptions) {
    this.#known = new Map(known.map((one) => [one.hash, one]));
    this.#options = options;
  }

  /** The model of a hash; null if the server has none. */
  async find(hash: string): Promise<object | null> {
    const known = this.#known.get(hash);
    if (!known) return null;
    const { path, isLanguage } = known;
    const opening = this.#open.get(hash) ?? (isLanguage ? LanguageModel : NNsight).load(path, this.#options);
    this.#open.set(hash, opening);
    return opening;
  }
}
