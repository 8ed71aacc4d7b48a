/**
 * What programs may be refused for, as a graph cannot have what JavaScript means there: it would have to run JavaScript,
 * throw, or have objects whose form depends on the run. The manual lists these (docs/blocks.md).
 */
const MEANINGLESS: readonly RegExp[] = [
  /^sort\(\) without a function compares texts/,
  /^(Boolean|Number|String|Number\.\w+)\(\) is given a traced tensor/,
  /^(Map\.(set|delete)|Set\.(add|delete)|Weak(Map|Set)\.\w+)\(\) is given a traced tensor as a key/,
  /^A (Set|Map) is given a traced tensor as a key/,
  /^new Array\(\) is given a traced tensor/,
  /^A traced tensor stands in a template string/,
  /^join\(\) makes a text of the entries of an array/,
  /is thrown out of a branch or loop that depends on a traced value/,
  /^The function \w+ was not compiled and is called in a branch or loop/,
  /^An iterator that was made outside is advanced in a branch or loop/,
  /^What is there can depend on no traced value, only what it is/,
];

export function isMeaningless(reason: string): boolean {
  return MEANINGLESS.some((one) => one.test(reason));
}
