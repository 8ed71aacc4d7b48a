import { OperationError } from '../operation.ts';
import type { Attributes, TensorType } from '../types.ts';

/** Attributes come from a graph that may have been read from outside: each is checked where it is read. */
function wrong(name: string, what: string): never {
  throw new OperationError(`The attribute '${name}' must be ${what}.`);
}

export function intAttribute(attributes: Attributes, name: string): number {
  const value = attributes[name];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : wrong(name, 'an integer');
}

/** An absent attribute is null. */
export function intOrNull(attributes: Attributes, name: string): number | null {
  return (attributes[name] ?? null) === null ? null : intAttribute(attributes, name);
}

export function intsAttribute(attributes: Attributes, name: string): readonly number[] {
  const value = attributes[name];
  if (!Array.isArray(value) || !value.every(Number.isSafeInteger)) return wrong(name, 'a list of integers');
  return value as readonly number[];
}

/** An absent attribute is null. */
export function intsOrNull(attributes: Attributes, name: string): readonly number[] | null {
  return (attributes[name] ?? null) === null ? null : intsAttribute(attributes, name);
}

/** An absent attribute is false. */
export function boolAttribute(attributes: Attributes, name: string): boolean {
  const value = attributes[name] ?? false;
  return typeof value === 'boolean' ? value : wrong(name, 'true or false');
}

export function choiceAttribute<T extends string | null>(
  attributes: Attributes,
  name: string,
  choices: readonly T[],
): T {
  const value = (attributes[name] ?? null) as T;
  return choices.includes(value) ? value : wrong(name, choices.map((choice) => JSON.stringify(choice)).join(' or '));
}

export function stringAttribute(attributes: Attributes, name: string): string {
  const value = attributes[name];
  return typeof value === 'string' ? value : wrong(name, 'a string');
}

/** Input number `i`. */
export function input(inputs: readonly TensorType[], i: number): TensorType {
  const type = inputs[i];
  if (!type) throw new OperationError(`The operation needs more than ${inputs.length} inputs.`);
  return type;
}
