let count = 0;

/** @returns {number} another one each time */
export function countInLibrary() {
  return ++count;
}
