import type { DType } from '../graph/types.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { DTypeOptions, SizesAnd } from '../types/options.ts';
import type { Operand, Traced } from '../types/tensor.ts';
import { add, eq, floorDivide, mul, sub } from './arithmetic.ts';
import { created, fail, isTraced, node, operand, shapeOf } from './nodes.ts';
import { isOptions, optionsOf } from './options.ts';
import { cast } from './promotion.ts';
import { splitOptions } from './sizes.ts';
import { withSignature } from './with-signature.ts';

const DTYPE = ['dtype'] as const;

/** Data as a traced tensor, with a dtype of its own: `h[tensor([0, 2])]`, `tensor([1, 2], { dtype: 'float32' })`. */
export const tensor = withSignature(
  'tensor',
  (data: Operand, options?: DTypeOptions): Traced => typed('tensor', data, options),
);

function typed(fn: string, data: Operand, options: DTypeOptions | undefined): Traced {
  const { dtype } = optionsOf<DTypeOptions>(fn, options, DTYPE);
  const value = operand(data, dtype);
  return dtype ? cast(value, dtype) : value;
}

/** Zeros; float32 unless `dtype` is given. */
export const zeros = withSignature('zeros', (...size: SizesAnd<DTypeOptions>): Traced => {
  const [sizes, options] = splitOptions<DTypeOptions>('zeros', size, DTYPE);
  return full(sizes, 0, { dtype: options.dtype ?? 'float32' });
});

/** A tensor to be filled; float32 unless `dtype` is given. What PyTorch leaves to chance in it is zeros here. */
export const empty = withSignature('empty', (...size: SizesAnd<DTypeOptions>): Traced => {
  const [sizes, options] = splitOptions<DTypeOptions>('empty', size, DTYPE);
  return full(sizes, 0, { dtype: options.dtype ?? 'float32' });
});

/** Ones; float32 unless `dtype` is given. */
export const ones = withSignature('ones', (...size: SizesAnd<DTypeOptions>): Traced => {
  const [sizes, options] = splitOptions<DTypeOptions>('ones', size, DTYPE);
  return full(sizes, 1, { dtype: options.dtype ?? 'float32' });
});

/** One value everywhere; its own dtype (whole numbers int64) unless `dtype` is given. Sizes may be traced numbers. */
export const full = withSignature(
  'full',
  (size: readonly number[], value: Operand, options?: DTypeOptions): Traced =>
    node('full', [shapeOf(size), typed('full', value, options)]),
);

/** `arange(end)`, `arange(start, end)`, `arange(start, end, step)`: int64 for whole numbers, else float32. */
export const arange = withSignature(
  'arange',
  (...range: readonly number[] | readonly [...number[], DTypeOptions]): Traced => {
    const [numbers, options] = splitOptions<DTypeOptions>('arange', range, DTYPE);
    if (numbers.length > 3) fail(`arange takes a start, an end and a step, not ${numbers.length} numbers`);
    const [start, end, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers;
    if (start === undefined || end === undefined) fail('arange: give it an end, or a start and an end');
    if (step === 0) fail('arange: step must be nonzero');
    if ([start, end, step].some(isTraced)) return tracedRange(start, end, step, options);
    if ((end - start) * step < 0) fail('arange: upper bound and lower bound inconsistent with step sign');
    const length = Math.max(0, Math.ceil((end - start) / step));
    const values = Array.from({ length }, (_, i) => start + i * step);
    const dtype = options.dtype ?? ([start, end, step].every(Number.isInteger) ? 'int64' : 'float32');
    return created(Tensor.from(values, dtype));
  },
);

/** `steps` numbers from `start` to `end`, both included; float32 unless `dtype` is given. */
export const linspace = withSignature(
  'linspace',
  (start: number, end: number, steps: number, options?: DTypeOptions): Traced => {
    const { dtype = 'float32' } = optionsOf<DTypeOptions>('linspace', options, DTYPE);
    if (!Number.isInteger(steps) || steps < 0) fail('linspace: number of steps must be non-negative');
    const step = steps > 1 ? (end - start) / (steps - 1) : 0;
    // Counted from the nearer end, so that the last number is `end` itself.
    const values = Array.from({ length: steps }, (_, i) =>
      i < steps / 2 ? start + i * step : end - (steps - 1 - i) * step,
    );
    return created(Tensor.from(values, dtype));
  },
);

/** `steps` powers of `base`, from `base ** start` to `base ** end`, both included; float32 unless `dtype` is given. */
export const logspace = withSignature(
  'logspace',
  (start: number, end: number, steps: number, base = 10, options?: DTypeOptions): Traced => {
    const { dtype = 'float32' } = optionsOf<DTypeOptions>('logspace', options, DTYPE);
    if (!Number.isInteger(steps) || steps < 0) fail('logspace: number of steps must be non-negative');
    const step = steps > 1 ? (end - start) / (steps - 1) : 0;
    const values = Array.from({ length: steps }, (_, i) =>
      i < steps / 2 ? base ** (start + i * step) : base ** (end - (steps - 1 - i) * step),
    );
    return created(Tensor.from(values, dtype));
  },
);

/** The identity matrix, [n, n] or [n, m]; float32 unless `dtype` is given. */
export const eye = withSignature('eye', (n: number, m?: number | DTypeOptions, options?: DTypeOptions): Traced => {
  const columns = typeof m === 'number' || isTraced(m) ? m : n;
  const { dtype = 'float32' } = optionsOf<DTypeOptions>('eye', isOptions(m) ? m : options, DTYPE);
  const rows = node('unsqueeze', [arange(n)], { dims: [1] });
  return cast(eq(rows, arange(columns)), dtype);
});

/** A range whose length only the run tells. */
function tracedRange(start: number, end: number, step: number, options: DTypeOptions): Traced {
  // Whole numbers only: -floor(-span / step) is the number of steps, rounded up.
  const length = node('neg', [floorDivide(sub(start, end), step)]);
  const counted = sub(node('cumsum', [full([length], 1)], { dim: 0 }), 1);
  const values = add(mul(counted, step), start);
  return options.dtype ? cast(values, options.dtype satisfies DType) : values;
}
