import { isSliceString } from '../tensor/slices.ts';
import { indexing } from '../tensor/tensor.ts';

/** Told what code does with tensors of the program besides using them as operands. */
export interface TensorWatch {
  /** The elements of one were asked for, or what a program has put on it, or may put there. */
  read(tensor: object): void;
  /** A part of one was taken by an index: a tensor of its own. */
  sliced(tensor: object, key: string, part: object): void;
}

/** The members of tensors and parameters that tell what these hold. */
const OF_CONTENT: ReadonlySet<PropertyKey> = new Set(['data', 'grad']);

const { get, set } = indexing;
let watch: TensorWatch | null = null;

/** Runs code that builds a trace, and tells what it does with tensors of the program. */
export function watchTensors<T>(by: TensorWatch, run: () => T): T {
  watch = by;
  // Tensors are asked for their elements all the time: only while something watches does that cost anything.
  indexing.get = watchedGet;
  indexing.set = watchedSet;
  try {
    return run();
  } finally {
    watch = null;
    indexing.get = get;
    indexing.set = set;
  }
}

/** Runs code of this library that makes an operand of a tensor. */
export function unwatched<T>(run: () => T): T {
  const outer = watch;
  watch = null;
  try {
    return run();
  } finally {
    watch = outer;
  }
}

const watchedGet: typeof get = (target, key, receiver) => {
  // What a member of a tensor asks of it itself is told of the member.
  const value = unwatched(() => get(target, key, receiver));
  if (!watch) return value;
  const isMember = key in target;
  if (typeof key === 'string' && !isMember && isSliceString(key)) watch.sliced(receiver, key, value as object);
  else if (!isMember || OF_CONTENT.has(key) || (Object.hasOwn(target, key) && key !== 'dtype' && key !== 'dims'))
    watch.read(receiver);
  return value;
};

const watchedSet: typeof set = (target, key, value, receiver) => {
  watch?.read(receiver);
  return set(target, key, value, receiver);
};
