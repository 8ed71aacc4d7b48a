/** The line of a user's program. */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Why there is no answer, as the client gets it. */
export interface Refusal {
  /** The status of HTTP. */
  readonly status: number;
  readonly error: string;
  readonly site?: Site | undefined;
}

/** The refusal of a trace that was cancelled. */
export const CANCELLED: Refusal = { status: 409, error: 'It was cancelled.' };

/** A request is refused. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
  readonly refusal: Refusal;

  constructor(status: number, error: string) {
    super(error);
    this.refusal = { status, error };
  }
}
