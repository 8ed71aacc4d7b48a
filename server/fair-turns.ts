/**
 * Whose turn it is, of users whose jobs wait for one model: each user's jobs in their order, and of several users one job
 * of each after the other, whoever has how many (start-time fair queuing). Nobody waits longer than for one job of each
 * other user and for the jobs of his own that came before.
 */
export class FairTurns {
  /** The turn of the job that started last. */
  #now = 0;
  /** The turns of the users' last jobs. */
  readonly #last = new Map<string, number>();

  /** The turn of a user's next job: of two jobs the one with the lower turn starts first. */
  next(user: string): number {
    const last = this.#last.get(user);
    const turn = last === undefined ? this.#now : Math.max(this.#now, last + 1);
    this.#last.set(user, turn);
    return turn;
  }

  /** A job of that turn starts. */
  started(turn: number): void {
    this.#now = Math.max(this.#now, turn);
  }
}
