import { readFileSync } from 'node:fs';
import { Tensor } from 'onnsight';
import { fixturePath } from './fixture-path.ts';

/** A tensor of PyTorch's in the file of values: where it begins, and how many elements it has. */
export interface Entry {
  readonly dims: readonly number[];
  readonly at: number;
  readonly n: number;
}

export interface Input {
  readonly dims: readonly number[];
  readonly dtype: 'int64' | 'float32';
  readonly data: readonly number[];
}

interface Reference {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly output: Entry;
  /** The outputs of each module, one for each call; null where the module returns no tensor. */
  readonly modules: Readonly<Record<string, readonly (Entry | null)[]>>;
  /** `named_parameters`, tied ones under each of their names. */
  readonly parameters?: Readonly<Record<string, Entry>>;
  readonly writes: readonly { readonly path: string; readonly op: 'scale' | 'slice'; readonly output: Entry }[];
  /** Of an encoder-decoder: what its generation is given. */
  readonly encoderDecoder?: Readonly<Record<string, Input>>;
  /** What softmax gives in each layer, [batch, heads, from, to]; none of a model without attention. */
  readonly attentions?: readonly Entry[];
  /** Of a language model: what transformers' greedy decoding continues a prompt with. */
  readonly generation?: { readonly prompt: readonly number[]; readonly tokens: readonly number[] };
}

/** A published model's small sibling, and what PyTorch computes for it. */
export class Published {
  readonly model: string;
  readonly reference: Reference;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly #values: Float32Array;

  /**
   * @param name a file in fixtures/published without its ending, or a folder with a slash behind its name
   * @param stem the path of the values without its ending, if they are elsewhere: `name` is the path of the file then
   */
  constructor(name: string, stem?: string) {
    const isFolder = name.endsWith('/');
    this.model = stem ? name : fixturePath(isFolder ? `${name}model.onnx` : `${name}.onnx`);
    const values = stem ?? fixturePath(isFolder ? `${name}ref` : `${name}.ref`);
    this.reference = JSON.parse(readFileSync(`${values}.json`, 'utf8'));
    const { buffer, byteOffset, byteLength } = readFileSync(`${values}.bin`);
    this.#values = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
    this.inputs = tensorsOf(this.reference.inputs);
  }

  /** PyTorch's values of a tensor. */
  values({ at, n }: Entry): Float32Array {
    return this.#values.subarray(at, at + n);
  }

  /** The largest difference from PyTorch's values, of their standard deviation; infinite where the shapes differ. */
  distance({ dims, data }: Tensor, expected: Entry): number {
    if (dims.join() !== expected.dims.join()) return Number.POSITIVE_INFINITY;
    const values = this.values(expected);
    const n = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n);
    return values.reduce((most, value, i) => Math.max(most, Math.abs(value - Number(data[i]))), 0) / (deviation || 1);
  }
}

/** Inputs of a reference as tensors. */
export function tensorsOf(inputs: Readonly<Record<string, Input>>): Readonly<Record<string, Tensor>> {
  return Object.fromEntries(
    Object.entries(inputs).map(([input, { data, dtype, dims }]) => [input, Tensor.from([...data], dtype, [...dims])]),
  );
}
