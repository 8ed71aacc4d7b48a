/** An index that is a text: `':, -1'`, `'0, 2:4'`, `'...'`, `'[0, 2]'`. */
export type Slice = `${string}:${string}` | `...${string}` | `${string},${string}` | `[${string}]`;

/** Shows what the type checker makes of an index. */
declare const probe: { readonly [name: string]: true };

/**
 * What an index gives that may be any number or name: `T`. With `noUncheckedIndexedAccess` the type checker would call it
 * "possibly undefined", although a tensor or a module that is not there is an error: there it is `any`, the only type
 * that stays as it is.
 */
// biome-ignore lint/suspicious/noExplicitAny: every other type would be "possibly undefined".
export type AtIndex<T> = undefined extends typeof probe.any ? any : T;
