import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { UsageError } from './usage-error.ts';

/** A line of a file of tokens: a user's name and the SHA-256 of the token. Tokens are random, so that a fast hash is enough. */
const LINE = /^([\w.@-]+) ([0-9a-f]{64})$/;

/** The tokens of a file, which is read again when it has changed. */
export class Tokens {
  readonly #file: string;
  #users: ReadonlyMap<string, string> = new Map();
  #changed = -1;

  /** Throws a UsageError if the file is not there, or has a line that is no user and token. */
  constructor(file: string) {
    this.#file = file;
    this.#read();
  }

  /** Whose token it is; null if it is nobody's. */
  user(token: string): string | null {
    this.#read();
    return this.#users.get(hashOf(token)) ?? null;
  }

  #read(): void {
    const stat = statSync(this.#file, { throwIfNoEntry: false });
    if (!stat)
      throw new UsageError(`There is no ${this.#file}. Make a token: npx onnsight token NAME --tokens ${this.#file}`);
    if (stat.mtimeMs === this.#changed) return;
    const lines = readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'));
    this.#users = new Map(
      lines.map((line, i) => {
        const [, user, hash] = LINE.exec(line.trim()) ?? [];
        if (user === undefined)
          throw new UsageError(`${this.#file}: line ${i + 1} is no user's name and SHA-256 of a token.`);
        return [hash!, user] as const;
      }),
    );
    this.#changed = stat.mtimeMs;
  }
}

/** Makes a token for a user and adds its hash to the file, which does not have the token itself. */
export function addToken(file: string, user: string): string {
  if (!/^[\w.@-]+$/.test(user))
    throw new UsageError(`A user's name has letters, digits and any of _ . @ -, not '${user}'.`);
  const token = randomBytes(32).toString('base64url');
  appendFileSync(file, `${user} ${hashOf(token)}\n`, { mode: 0o600 });
  return token;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
