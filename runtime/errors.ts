import { formatSite, type LazySite, type Site, siteOf } from './graph/site.ts';

let listener: ((error: TraceError) => void) | null = null;

/** Says who is told of every error that is made. */
export function onTraceError(told: (error: TraceError) => void): void {
  listener = told;
}

/**
 * Something is wrong with a trace: the message says what was found, what was expected and what to do, and begins with
 * the site in the user's source.
 */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly site: Site | null;

  constructor(message: string, at: Site | LazySite | null = null, options?: ErrorOptions) {
    const site = siteOf({ site: at });
    super(site ? `${formatSite(site)} - ${message}` : message, options);
    this.site = site;
    listener?.(this);
  }
}
