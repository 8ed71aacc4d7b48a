/** A place in the user's source: what every error points at. Lines and columns count from 1. */
export interface Site {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** `file:line:column`, as editors and terminals link it. */
export function formatSite(site: Site): string {
  return `${site.file}:${site.line}:${site.column}`;
}

/** A site that is found only when an error asks for it: finding a line in a stack takes longer than adding a node. */
export class LazySite {
  #find: (() => Site | null) | null;
  #found: Site | null = null;

  constructor(find: () => Site | null) {
    this.#find = find;
  }

  get(): Site | null {
    if (this.#find !== null) this.#found = this.#find();
    this.#find = null;
    return this.#found;
  }
}

/** Where in the user's source something was made. */
export function siteOf({ site }: { readonly site: Site | LazySite | null }): Site | null {
  return site instanceof LazySite ? site.get() : site;
}
