import { UserError } from './errors.ts';

/** An argument that a call does not have is an error: JavaScript would ignore it. `call` is how it is written. */
export function refuseMore(call: string, more: readonly unknown[]): void {
  if (more.some((argument) => argument !== undefined)) throw new UserError(`${call} takes no more than that.`);
}
