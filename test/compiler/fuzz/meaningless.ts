/**
 * What programs may be refused for, as a graph cannot have what JavaScript means there: it would have to run JavaScript,
 * throw, or have objects whose form depends on the run. The manual lists these (docs/blocks.md).
 */
const MEANINGLESS: readonly RegExp[] = [
  /^(findLast|findLastIndex|sort|toSorted)\(\) depends on a traced tensor/,
  /^(Boolean|Number|String|Object\.is|Number\.\w+)\(\) is given a traced tensor/,
  /^(Map|Set|WeakMap|WeakSet)\.\w+\(\) is given a traced tensor as a key/,
  /^A (Set|Map) is given a traced tensor as a key/,
  /^new Array\(\) is given a traced tensor/,
  /^A traced tensor stands in a template string/,
  /^join\(\) is called with an array that a branch or loop of the graph filled/,
  /^A throw stands in a branch or loop/,
  /^The function \w+ was not compiled and is called in a branch or loop/,
  /^An iterator that was made outside is advanced in a branch or loop/,
  /^What is there can depend on no traced value, only what it is/,
];

export function isMeaningless(reason: string): boolean {
  return MEANINGLESS.some((one) => one.test(reason));
}
