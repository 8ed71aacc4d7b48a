import { createHmac, timingSafeEqual } from 'node:crypto';

/** How long a URL of an answer holds, in seconds. */
const HOLDS = 600;

/** URLs of answers, which whoever has one may fetch for a while: they are signed, and need no token. */
export class AnswerLinks {
  readonly #secret: string;

  /** @param secret that of all servers of the fleet */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** The path and query of the answer of a key. */
  link(key: string): string {
    const expires = Math.floor(Date.now() / 1000) + HOLDS;
    return `/answers/${key}?expires=${expires}&signature=${this.#sign(key, expires)}`;
  }

  /** Whether a URL was made here, for this key, and holds still. */
  holds(key: string, { expires, signature }: { readonly expires?: string; readonly signature?: string }): boolean {
    const [given, made] = [signature ?? '', this.#sign(key, Number(expires))].map((text) => Buffer.from(text));
    return given!.length === made!.length && timingSafeEqual(given!, made!) && Number(expires) > Date.now() / 1000;
  }

  #sign(key: string, expires: number): string {
    return createHmac('sha256', this.#secret).update(`${key} ${expires}`).digest('base64url');
  }
}
