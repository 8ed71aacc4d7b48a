export { LanguageModel } from './api/language-model.ts';
export { NNsight } from './api/nnsight.ts';
export { TraceError } from './errors.ts';
export { DeviceError } from './execution/devices.ts';
export { InputError } from './execution/inputs.ts';
export * from './functions/index.ts';
export { ModelError } from './model/error.ts';
export { Tensor } from './tensor/tensor.ts';
export { save } from './tracing/saves.ts';
