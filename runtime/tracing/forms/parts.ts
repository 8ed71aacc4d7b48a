import { types } from 'node:util';
import { isOwnProxy } from '../../own-proxies.ts';
import { activeBuilder, builder } from '../builder.ts';
import { GraphEntries } from '../lists.ts';
import { settled, varyingOf } from '../varying.ts';
import type { Form } from './form.ts';

/** Prototypes of objects that stay inside the library: they are always captured by their fields. */
export const INNER = new Set<unknown>();

/** Notes that an object was made for a `return`: no code holds it until the function has ended. */
export function leaveUnnamed(object: object): void {
  builder().objects.unnamed.add(object);
}

/** Ends that: the user has the value that the function returned. */
export function giveOut(value: unknown): void {
  const varying = varyingOf(value);
  if (varying) for (const one of varying.cases) giveOut(one.value);
  else if (typeof value === 'object' && value !== null && activeBuilder()?.objects.unnamed.delete(value))
    Object.values(value).forEach(giveOut);
}

/** Whether a value is an array or a plain object, so that its content tells all of it. */
export function isMadeOfParts(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  // A Proxy of the program is not asked: its traps may have effects.
  if (types.isProxy(value) && !isOwnProxy(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null || INNER.has(prototype);
}

/** The objects that entries are, or have as parts, by their identity. */
export function objectsIn(form: Form<unknown>): readonly object[] {
  switch (form.kind) {
    case 'plain':
      return isMadeOfParts(form.value) ? [form.value] : [];
    case 'tensor':
      return [];
    case 'array':
      return form.items.flatMap(objectsIn);
    case 'record':
      return form.fields.flatMap(([, field]) => objectsIn(field));
    case 'cases':
      return form.cases.flatMap((one) => objectsIn(one.form));
  }
}

function isInner(object: object): boolean {
  return INNER.has(Object.getPrototypeOf(object)) || (activeBuilder()?.objects.unnamed.has(object) ?? false);
}

/** Which objects and arrays are captured by their content. */
export interface Parts {
  includes(object: object): boolean;
  /** Whether several places hold the object, so that the copy for each of them must not change. */
  isShared(object: object): boolean;
}

/** For values from before a body: other code may hold any of their objects, so that all keep their identity. */
export const NONE: Parts = { includes: isInner, isShared: () => false };

/** Those of `parts`, and the content of a slot. */
export function withContent(parts: Parts, content: unknown): Parts {
  return { includes: (object) => object === content || parts.includes(object), isShared: (one) => parts.isShared(one) };
}

/**
 * The objects that a body made. One that several of the values at its end hold, or that a function, a Map or an instance
 * made in the body may hold, has an identity that later code can see.
 * @param isNew whether an object was made in the body
 */
export class Made {
  private readonly isNew: (object: object) => boolean;
  private readonly seen = new Set<object>();
  private readonly several = new Set<object>();
  /** Whether the body made anything whose content cannot be read. */
  private isOpaque = false;

  constructor(values: Iterable<unknown>, isNew: (object: object) => boolean) {
    this.isNew = isNew;
    for (const value of values) this.look(value);
  }

  /** For a branch: an object that several places hold keeps its identity. */
  get inBranch(): Parts {
    const includes = (object: object) => isInner(object) || (this.isNew(object) && !this.isSeveral(object));
    return { includes, isShared: () => false };
  }

  /** For a loop, each iteration of which makes objects of its own: every place gets a copy. */
  get inLoop(): Parts {
    return {
      includes: (object) => isInner(object) || this.isNew(object),
      isShared: (object) => this.isSeveral(object),
    };
  }

  private isSeveral(object: object): boolean {
    return this.isOpaque || this.several.has(object);
  }

  private look(raw: unknown): void {
    const value = settled(raw);
    const varying = varyingOf(value);
    if (varying) {
      for (const one of varying.cases) this.look(one.value);
      return;
    }
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;
    if (value instanceof GraphEntries) {
      for (const one of objectsIn(value.form)) this.look(one);
      return;
    }
    if (!isMadeOfParts(value)) {
      if (this.isNew(value)) this.isOpaque = true;
      return;
    }
    if (!this.isNew(value) && !isInner(value)) return;
    if (this.seen.has(value)) {
      this.several.add(value);
      return;
    }
    this.seen.add(value);
    for (const part of Object.values(value)) this.look(part);
  }
}
