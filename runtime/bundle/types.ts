export type { Inputs } from '../inputs/signature.ts';
export type { AnyTensor, TensorData } from '../tensor/tensor.ts';
export type { Tokenizer } from '../types/tokenizer.ts';
export type { Bundle } from './bundle.ts';
export type { LazyBundle } from './lazy.ts';
export type { Manifest } from './manifest-types.ts';
export type { BundleDevice, LoadBundleOptions } from './session.ts';
export type { BundleInputs, Texts } from './texts.ts';
