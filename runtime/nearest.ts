/** Up to three of the words that a misspelt one may stand for, the closest first. */
export function nearest(word: string, words: Iterable<string>): string[] {
  const limit = Math.max(1, Math.floor(word.length / 3));
  return [...new Set(words)]
    .map((one) => ({ one, distance: distance(one.toLowerCase(), word.toLowerCase()) }))
    .filter((candidate) => candidate.distance <= limit)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ one }) => one);
}

/** `; did you mean a or b?`, or nothing. */
export function guess(words: readonly string[]): string {
  return words.length === 0 ? '' : `; did you mean ${words.join(' or ')}?`;
}

/** What is wrong with the names of options that a call is given; null if it has them all. */
export function unknownOption(call: string, given: object, names: readonly string[]): string | null {
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown === undefined) return null;
  const there = names.length === 0 ? 'It takes none' : `There ${names.length > 1 ? 'are' : 'is'} ${names.join(', ')}`;
  return `${call} has no option '${unknown}'${guess(nearest(unknown, names)) || '.'} ${there}`;
}

/** How many letters must be put in, taken out, changed or swapped with their neighbour to make one word of another. */
export function distance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= from.length; i++) {
    const above = rows[i - 1]!;
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = above[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwapped ? rows[i - 2]![j - 2]! + 1 : changed;
      row.push(Math.min(changed, swapped, above[j]! + 1, row[j - 1]! + 1));
    }
    rows.push(row);
  }
  return rows[from.length]![to.length]!;
}
