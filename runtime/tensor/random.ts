/** A source of uniform numbers in [0, 1) with 53 random bits; the same seed gives the same numbers everywhere. */
export function uniformSource(seed: number = Math.floor(Math.random() * 2 ** 53)): () => number {
  // xoshiro128** by Blackman and Vigna, its state filled by splitmix32.
  let [a, b, c, d] = seedState(seed);
  const next = () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

/** A source of numbers with mean 0 and variance 1, normally distributed. */
export function normalSource(seed?: number): () => number {
  const uniform = uniformSource(seed);
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    // Box and Muller: two independent normal numbers from two uniform ones.
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
    const angle = 2 * Math.PI * uniform();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

function seedState(seed: number): [number, number, number, number] {
  let state = (seed | 0) ^ Math.floor(seed / 2 ** 32);
  const splitmix = () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
  return [splitmix(), splitmix(), splitmix(), splitmix()];
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
