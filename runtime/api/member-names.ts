const HIDDEN = new Set(['constructor', 'toString', 'forward', 'map', 'path']);

/** The members that an object's class gives it, for errors about misspelt ones. */
export function memberNames(object: object): string[] {
  const names: string[] = [];
  for (let at = Object.getPrototypeOf(object); at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(...Object.getOwnPropertyNames(at).filter((name) => !HIDDEN.has(name)));
  }
  return names;
}

/** Whether an object's class lets a member be set. */
export function isSettable(object: object, name: PropertyKey): boolean {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found) return found.set !== undefined;
  }
  return false;
}
