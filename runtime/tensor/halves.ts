import { decodeFloat16, encodeFloat16 } from './float16.ts';

/*
 * A tensor of halves holds their bits. What a program reads of them are numbers, in an array beside the bits that it may
 * write to as it may to the elements of any other tensor: each of the two is told of the other when it is asked for.
 */

interface Beside {
  readonly numbers: Float32Array;
  /** The bits when both were last alike. */
  readonly alike: Uint16Array;
  /** Whether the bits were asked for since: who has them may write to them. */
  given: boolean;
}

/** By the bits, which tensors may share. */
const beside = new WeakMap<Uint16Array, Beside>();

/** The bits and the numbers of a tensor, as its members. */
export function halfElements(bits: Uint16Array): PropertyDescriptorMap {
  return {
    raw: { get: () => bitsOf(bits), enumerable: true },
    data: { get: () => numbersOf(bits) },
  };
}

function bitsOf(bits: Uint16Array): Uint16Array {
  const known = beside.get(bits);
  if (!known) return bits;
  align(bits, known);
  known.given = true;
  return bits;
}

/** The same array each time. It is not compared each time, as programs ask for it once for each element. */
function numbersOf(bits: Uint16Array): Float32Array {
  const known = beside.get(bits);
  if (!known) {
    const numbers = Float32Array.from(bits, decodeFloat16);
    beside.set(bits, { numbers, alike: bits.slice(), given: false });
    return numbers;
  }
  if (known.given) align(bits, known);
  known.given = false;
  return known.numbers;
}

/** Each takes over what was written to the other. */
function align(bits: Uint16Array, { numbers, alike }: Beside): void {
  for (let i = 0; i < bits.length; i++) {
    const before = alike[i]!;
    const written = encodeFloat16(numbers[i]!);
    // A NaN may have several bits.
    if (written !== before && !Object.is(numbers[i], decodeFloat16(before))) bits[i] = written;
    alike[i] = bits[i]!;
    numbers[i] = decodeFloat16(bits[i]!);
  }
}
