import { formatSite, type LazySite, type Site, siteOf } from './graph/site.ts';

/**
 * Something is wrong with a trace: the message says what was found, what was expected and what to do, and begins with
 * the site in the user's source.
 */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  /** Told of every error that is made. */
  static onMade: ((error: TraceError) => void) | null = null;
  readonly site: Site | null;

  constructor(message: string, at: Site | LazySite | null = null, options?: ErrorOptions) {
    const site = siteOf({ site: at });
    super(site ? `${formatSite(site)} - ${message}` : message, options);
    this.site = site;
    TraceError.onMade?.(this);
  }
}
