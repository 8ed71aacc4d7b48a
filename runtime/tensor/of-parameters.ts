/*
 * Outside of blocks nothing is recorded: what is computed there from a parameter is a tensor like any other, and no
 * gradient goes back through it. It is known here, so that a block that trains can say so.
 */

const known = new WeakSet<object>();

/** Whether a tensor is a parameter, or was computed from one outside of a block. */
export function isOfParameters(tensor: object): boolean {
  return known.has(tensor);
}

export function noteOfParameters(tensor: object): void {
  known.add(tensor);
}

/** A tensor that was made of another one. */
export function alsoOfParameters<T extends object>(from: object, made: T): T {
  if (known.has(from)) known.add(made);
  return made;
}
