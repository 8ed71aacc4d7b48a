export type { DType } from '../graph/types.ts';
export type { NestedArray } from '../tensor/nested.ts';
export type { TypedArray } from '../tensor/storage.ts';
export type { AnyTensor, TensorData } from '../tensor/tensor.ts';
export type * from './methods.ts';
export type * from './model.ts';
export type * from './module.ts';
export type * from './options.ts';
export type * from './tensor.ts';
