const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

// What a hub answers may be of any type: a list of one text would pass as that text.

/** Whether something is a text in the form of a commit's name. */
export function isCommit(text: unknown): boolean {
  return typeof text === 'string' && SHA1.test(text);
}

/** Whether something is a text in the form of the hash of a file's contents. */
export function isContentHash(text: unknown): boolean {
  return typeof text === 'string' && (SHA1.test(text) || SHA256.test(text));
}

/** Whether something is a path, or the name of a branch, that stays in the folder that it is put into: on every system. */
export function isInside(path: unknown): boolean {
  if (typeof path !== 'string') return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file's name has any.
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0-\x1f]/.test(part));
}
