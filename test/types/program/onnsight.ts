import type { LanguageModelLoader, NNsightLoader, Save } from '../../../runtime/types/index.ts';

// The public types without the runtime behind them.
export * from '../../../runtime/functions/index.ts';
export { Tensor } from '../../../runtime/tensor/tensor.ts';
export type * from '../../../runtime/types/index.ts';
export declare const NNsight: NNsightLoader;
export declare const LanguageModel: LanguageModelLoader;
export declare const save: Save;
