/** Makes tokens that are already there less likely. Every token counts once, however often it is there. */
export function penalise(scores: Float32Array, previous: readonly number[], penalty: number): void {
  if (penalty === 1) return;
  for (const id of new Set(previous)) {
    const score = scores[id]!;
    scores[id] = score < 0 ? score * penalty : score / penalty;
  }
}

/** Divides by a temperature above 0. */
export function scale(scores: Float32Array, temperature: number): void {
  if (temperature === 1) return;
  for (let i = 0; i < scores.length; i++) scores[i] = scores[i]! / temperature;
}

/** Keeps the `count` largest scores, and those equal to the smallest of them; the rest become -Infinity. */
export function keepTop(scores: Float32Array, count: number): void {
  if (count >= scores.length) return;
  const threshold = kthLargest(scores, count);
  for (let i = 0; i < scores.length; i++) if (scores[i]! < threshold) scores[i] = -Infinity;
}

/** Keeps the fewest largest scores whose probabilities reach the sum `mass`, at least one; the rest become -Infinity. */
export function keepNucleus(scores: Float32Array, mass: number): void {
  const probabilities = softmax(scores);
  // Tokens with less than an equal share of the mass to drop are dropped: most of a vocabulary, without sorting.
  const share = (1 - mass) / scores.length;
  const candidates = new Float32Array(scores.length);
  let count = 0;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    if (probabilities[i]! < share) sum += probabilities[i]!;
    else candidates[count++] = scores[i]!;
  }
  const sorted = candidates.subarray(0, count).sort();
  const ascending = softmax(sorted);
  const rest = 1 - sum;
  let dropped = 0;
  for (; dropped < sorted.length - 1; dropped++) {
    sum += ascending[dropped]! * rest;
    if (sum > 1 - mass) break;
  }
  const threshold = sorted[dropped]!;
  // Of scores equal to the smallest one kept, only so many stay as are needed: the first ones.
  let equal = 0;
  for (let i = dropped; i < sorted.length && sorted[i] === threshold; i++) equal++;
  for (let i = 0; i < scores.length; i++) {
    if (scores[i]! > threshold || (scores[i] === threshold && equal-- > 0)) continue;
    scores[i] = -Infinity;
  }
}

/** Beyond this many, sorting all scores is faster than keeping the largest ones in order. */
const ORDERED = 1024;

function kthLargest(scores: Float32Array, k: number): number {
  if (k > ORDERED) return Float32Array.from(scores).sort()[scores.length - k]!;
  const largest = new Float32Array(k).fill(-Infinity);
  for (const score of scores) {
    if (score <= largest[0]!) continue;
    // The smallest of them goes; those below the new one move down.
    let low = 0;
    let high = k;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (largest[middle]! < score) low = middle;
      else high = middle;
    }
    largest.copyWithin(0, 1, low + 1);
    largest[low] = score;
  }
  return largest[0]!;
}

/** Probabilities of scores, in double precision. */
export function softmax(scores: Float32Array): Float64Array {
  let largest = -Infinity;
  for (let i = 0; i < scores.length; i++) largest = Math.max(largest, scores[i]!);
  const exponents = new Float64Array(scores.length);
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const value = Math.exp(scores[i]! - largest);
    exponents[i] = value;
    sum += value;
  }
  for (let i = 0; i < exponents.length; i++) exponents[i] = exponents[i]! / sum;
  return exponents;
}
