/** Two positions that belong together: one in each list. */
export type Pair = readonly [a: number, b: number];

/** What is compared: the same key, the same thing. An anchor is told from all others by its key, null is like nothing else. */
export interface Keyed {
  readonly key: string | null;
  readonly isAnchor: boolean;
}

/** How many comparisons are made between two anchors at most. */
const MOST_COMPARISONS = 4_000_000;

/**
 * Which entries of two lists are the same, in the order of both: as many anchors as there can be, each the same as the anchor
 * of its key that comes as often before it, and between these as many others as there can be.
 */
export function pairsOf(a: readonly Keyed[], b: readonly Keyed[]): Pair[] {
  const anchors = rising(anchorPairs(a, b));
  const found: Pair[] = [];
  let from: Pair = [0, 0];
  for (const anchor of [...anchors, [a.length, b.length] as const]) {
    found.push(...commonIn(a, b, from, anchor));
    if (anchor[0] < a.length) found.push(anchor);
    from = [anchor[0] + 1, anchor[1] + 1];
  }
  return found;
}

/** The anchors that are the same in two lists, in the order of the first. */
export function anchorPairs(a: readonly Keyed[], b: readonly Keyed[]): Pair[] {
  const places = new Map(numbered(b).map(([key, place]) => [key, place]));
  return numbered(a).flatMap(([key, place]): Pair[] => {
    const other = places.get(key);
    return other === undefined ? [] : [[place, other]];
  });
}

/** The anchors of a list with their places, each key with how often it came before. */
function numbered(list: readonly Keyed[]): [key: string, place: number][] {
  const counts = new Map<string, number>();
  return list.flatMap(({ key, isAnchor }, place): [string, number][] => {
    if (!isAnchor || key === null) return [];
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return [[`${count} ${key}`, place]];
  });
}

/** As many of the pairs as there can be that rise in both lists. They rise in the first. */
function rising(pairs: readonly Pair[]): Pair[] {
  /** Of the rising pairs of each length those that end lowest, by the index of their last pair. */
  const ends: number[] = [];
  const before: number[] = [];
  pairs.forEach(([, b], i) => {
    let low = 0;
    for (let high = ends.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (pairs[ends[middle]!]![1] < b) low = middle + 1;
      else high = middle;
    }
    before.push(low === 0 ? -1 : ends[low - 1]!);
    ends[low] = i;
  });
  const found: Pair[] = [];
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i]!) found.push(pairs[i]!);
  return found.reverse();
}

/** The longest list that both have in common between two pairs, the earliest of these. */
function commonIn(a: readonly Keyed[], b: readonly Keyed[], [fromA, fromB]: Pair, [toA, toB]: Pair): Pair[] {
  const [rows, columns] = [toA - fromA, toB - fromB];
  if (rows * columns > MOST_COMPARISONS) return [];
  const isSame = (i: number, j: number) => a[fromA + i]!.key !== null && a[fromA + i]!.key === b[fromB + j]!.key;
  const width = columns + 1;
  /** How many the rest of both lists have in common, from each place on. */
  const lengths = new Uint16Array((rows + 1) * width);
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      const at = i * width + j;
      lengths[at] = isSame(i, j) ? lengths[at + width + 1]! + 1 : Math.max(lengths[at + width]!, lengths[at + 1]!);
    }
  }
  const found: Pair[] = [];
  for (let i = 0, j = 0; i < rows && j < columns; ) {
    const at = i * width + j;
    if (isSame(i, j)) found.push([fromA + i++, fromB + j++]);
    else if (lengths[at + width]! >= lengths[at + 1]!) i++;
    else j++;
  }
  return found;
}
