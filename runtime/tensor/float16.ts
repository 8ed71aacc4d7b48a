/** Half-precision numbers, which JavaScript engines of today do not all have a typed array for. */

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** The 16 bits of the half nearest to `value`; ties go to the even one, as in IEEE 754. */
export function encodeFloat16(value: number): number {
  floats[0] = value;
  const word = bits[0] ?? 0;
  const sign = (word >>> 16) & 0x8000;
  const exponent = (word >>> 23) & 0xff;
  const fraction = word & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const half = exponent - 112;
  if (half >= 31) return sign | 0x7c00;
  if (half < -10) return sign;
  // A subnormal half has no implicit leading bit: its whole significand is shifted into place.
  const significand = half > 0 ? fraction : fraction | 0x800000;
  const shift = half > 0 ? 13 : 14 - half;
  const truncated = (half > 0 ? half << 10 : 0) + (significand >>> shift);
  const rest = significand & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  const up = rest > middle || (rest === middle && (truncated & 1) === 1);
  return sign | (truncated + (up ? 1 : 0));
}

/** The number that 16 bits stand for. */
export function decodeFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
