/** What JavaScript and its tools ask any object for, to find out what it is: a promise, JSON, a matcher, an element. */
export const PROBED_NAMES: ReadonlySet<string> = new Set([
  'then',
  'toJSON',
  'constructor',
  'asymmetricMatch',
  '$$typeof',
  'nodeType',
  'tagName',
]);
