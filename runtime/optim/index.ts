export type { AnyParameter } from '../tensor/parameter.ts';
export { Adam, type AdamOptions, AdamW } from './adam.ts';
export type { OptimizerOptions } from './optimizer.ts';
export { Parameter, type ParameterClass } from './parameter.ts';
export { SGD, type SGDOptions } from './sgd.ts';
