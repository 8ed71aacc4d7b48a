/**
 * What programs may be refused for, as a graph cannot have what JavaScript means there: it would have to run JavaScript,
 * throw, or have objects whose form depends on the run. The manual lists these (docs/blocks.md).
 */
const MEANINGLESS: readonly RegExp[] = [
  /^(filter|find|findIndex|findLast|findLastIndex|some|every|sort|toSorted)\(\) depends on a traced tensor/,
  /^(Boolean|Number|String|Object\.is|Number\.\w+)\(\) is given a traced tensor/,
  /^A throw stands in a branch or loop/,
];

export function isMeaningless(reason: string): boolean {
  return MEANINGLESS.some((one) => one.test(reason));
}
