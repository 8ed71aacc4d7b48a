// The operators that the test projects meet, on plain values only. Each use of one is noted under its site.
// None may be called `then`: it would make a promise of the module, and `await import(...)` of it would never end.

globalThis.operatorSites = [];

const note = (site) => globalThis.operatorSites.push(site);

export const sites = (file, positions) =>
  Array.from({ length: positions.length / 2 }, (_, n) => `${file}:${positions[2 * n]}:${positions[2 * n + 1]}`);

export const block = (run) => run;
export const mark = () => {};
/** Calls are not noted: each project counts its operators. */
export const at = (values) => values;
export const thrown = (error) => error;

const binaries = {
  '*': (a, b) => a * b,
  '+': (a, b) => a + b,
  '>': (a, b) => a > b,
};

export function binary(operator, a, b, site) {
  note(site);
  return binaries[operator](a, b);
}

export function ifElse(test, sides, _state, site) {
  note(site);
  return sides(Boolean(test));
}

/** Calls are not noted, as with `at`. */
export const call = (fn, receiver, values) => Reflect.apply(fn, receiver, values);
export const construct = (type, values) => Reflect.construct(type, values);
/** A block's own object: on plain values that makes no difference. */
export const fresh = (made) => made;
/** Reads of properties are not noted either. */
export const member = (of, key) => of[key];
