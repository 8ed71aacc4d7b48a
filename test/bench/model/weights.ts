import { HEAD } from './graph.ts';
import type { Sizes } from './sizes.ts';

/** A float32 tensor whose elements are computed when they are written. */
export interface Weight {
  readonly name: string;
  readonly dims: readonly number[];
  /** The element at a place of the flat tensor. */
  readonly at: (index: number) => number;
}

/** The parameters of a GPT-2 with the spread that its training begins with, so that no activation grows large. */
export function gpt2Weights({ layers, width, vocabulary, positions }: Sizes): Weight[] {
  let seed = 0;
  const random = (name: string, dims: readonly number[], spread: number, centre = 0): Weight => {
    const start = hash(++seed);
    // A uniform distribution has this many times its standard deviation to either side.
    const half = spread * Math.sqrt(3);
    return { name, dims, at: (index) => centre + (hash(start + index) / 2 ** 31 - 1) * half };
  };
  const norm = (name: string) => [random(`${name}.weight`, [width], 0.1, 1), random(`${name}.bias`, [width], 0.02)];
  const linear = (name: string, from: number, to: number, spread: number) => [
    random(`${name}.weight`, [from, to], spread),
    random(`${name}.bias`, [to], 0.02),
  ];
  // Every layer adds twice to the residual stream.
  const residual = 0.02 / Math.sqrt(2 * layers);
  const words = random('transformer.wte.weight', [vocabulary, width], 0.02);
  const layer = (name: string) => [
    ...norm(`${name}.ln_1`),
    ...linear(`${name}.attn.c_attn`, width, 3 * width, 0.02),
    ...linear(`${name}.attn.c_proj`, width, width, residual),
    ...norm(`${name}.ln_2`),
    ...linear(`${name}.mlp.c_fc`, width, 4 * width, 0.02),
    ...linear(`${name}.mlp.c_proj`, 4 * width, width, residual),
  ];
  const transposed = (index: number) => words.at((index % vocabulary) * width + Math.floor(index / vocabulary));
  return [
    words,
    random('transformer.wpe.weight', [positions, width], 0.01),
    ...Array.from({ length: layers }, (_, i) => layer(`transformer.h.${i}`)).flat(),
    ...norm('transformer.ln_f'),
    { name: HEAD, dims: [width, vocabulary], at: transposed },
  ];
}

/** 32 bits that look random, of a counter: the finaliser of MurmurHash3 over a Weyl sequence. */
function hash(counter: number): number {
  let bits = Math.imul(counter, 0x9e3779b9);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
