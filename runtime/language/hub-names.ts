const SHA1 = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Whether a text has the form of a commit's name. */
export function isCommit(text: string): boolean {
  return SHA1.test(text);
}

/** Whether a text has the form of the hash of a file's contents. */
export function isContentHash(text: string): boolean {
  return SHA1.test(text) || SHA256.test(text);
}

/** Whether a path, or the name of a branch, stays in the folder that it is put into: on every system. */
export function isInside(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file's name has any.
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0-\x1f]/.test(part));
}
