import { formatSite, type LazySite, type Site, siteOf } from './graph/site.ts';
import { keepUserFrames } from './user-frames.ts';

let listener: ((error: TraceError) => void) | null = null;

/** Says who is told of every error that is made. */
export function onTraceError(told: (error: TraceError) => void): void {
  listener = told;
}

/** More of the stack than Node keeps: many frames of this library lie between the user's lines. */
const FRAMES = 50;

/** An error that is told in the user's terms. Its stack is the user's own lines. */
export class UserError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    const usual = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    super(message, options);
    Error.stackTraceLimit = usual;
    keepUserFrames(this);
  }
}

/**
 * Something is wrong with a trace: the message says what was found, what was expected and what to do, and begins with
 * the site in the user's source.
 */
export class TraceError extends UserError {
  override readonly name = 'TraceError';
  readonly #site: Site | null;

  constructor(message: string, at: Site | LazySite | null = null, options?: ErrorOptions) {
    const site = siteOf({ site: at });
    super(site ? `${formatSite(site)} - ${message}` : message, options);
    this.#site = site;
    listener?.(this);
  }

  get code(): string {
    return 'ONN2001';
  }

  /** The line in the user's source, if it is known. */
  get site(): Site | null {
    return this.#site;
  }
}
