/* Helpers in a file that is not compiled, as it says nothing of traces. */

export const choose = (c: unknown): number => (c ? 1 : 2);
export const hand = (c: unknown): number => choose(c);
export const each = (list: readonly unknown[]): number[] => list.map(choose);
export const called = (c: unknown): number => choose.call(null, c);
export const of = (helpers: { readonly choose: typeof choose }, c: unknown): number => helpers.choose(c);
export const sized = (x: { readonly shape: readonly number[] }): number => choose(x.shape.length === 0);
export const twice = (x: { mul(by: number): unknown }): unknown => x.mul(2);
export const known = (c: unknown): number => decide(c);
/** By the name of one that is compiled. */
export let decide = choose;
export const setDecide = (fn: typeof choose): void => {
  decide = fn;
};
