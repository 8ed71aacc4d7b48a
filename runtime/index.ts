/** @internal Declarations that imported it would bring in those of all that records a block. */
import './operators/members.ts';
import { intervention as makeIntervention } from './api/intervention.ts';
import { LanguageModel as languageModel } from './api/language-model.ts';
import { NNsight as nnsight } from './api/nnsight.ts';
import { withSignature } from './functions/with-signature.ts';
import { ours } from './tracing/harmless.ts';
import { save as saveValue } from './tracing/saves.ts';
import type { InterventionMaker } from './types/intervention.ts';
import type {
  LanguageModelLoader,
  LanguageModel as LanguageModelOf,
  NNsightLoader,
  NNsight as NNsightOf,
  Save,
} from './types/model.ts';
import type { Loose } from './types/module.ts';

/** Opens ONNX models. */
export const NNsight: NNsightLoader = nnsight;
/** A loaded model with its module tree. */
export type NNsight<Tree = Loose> = NNsightOf<Tree>;

/** Opens language models. */
export const LanguageModel: LanguageModelLoader = languageModel;
/** A loaded language model, which texts can be given to. */
export type LanguageModel<Tree = Loose> = LanguageModelOf<Tree>;

/** A block with named parameters, to run on a loaded model or to compile into a bundle. */
export const intervention: InterventionMaker = makeIntervention;

/** Brings a value back from the run. Inside a block only. */
export const save: Save = withSignature('save', saveValue as Save);
ours(save);

export { AnswerError } from './api/answer.ts';
export { ExecutionBackend, NoopBackend } from './api/backend.ts';
export { type MapOptions, map } from './api/map.ts';
export { RemoteBackend, type RemoteOptions } from './api/remote.ts';
export { RemoteError } from './api/remote-error.ts';
export type { JobStatus, RemoteJob } from './api/remote-job.ts';
export { TraceError } from './errors.ts';
export { ReuseScope } from './execution/reuse.ts';
export type { DispatchStats, Held, RunStats } from './execution/stats.ts';
export * from './files/index.ts';
export * from './functions/index.ts';
export type { GraphLimits } from './graph/check.ts';
export { GraphError } from './graph/error.ts';
export type { InterventionGraph } from './graph/graph.ts';
export { graphFromJson, graphToJson } from './graph/json.ts';
export type { GraphJson } from './graph/json-types.ts';
export { InputError } from './inputs/signature.ts';
export type { ChatMessage, ChatOptions } from './language/chat.ts';
export type { HubOptions } from './language/hub.ts';
export { type RawAudio, readAudio } from './media/raw-audio.ts';
export { type RawImage, readImage } from './media/raw-image.ts';
export { ModelError } from './onnx/error.ts';
export * from './optim/index.ts';
export { DeviceError } from './ort/port.ts';
export { answerFromBytes, answerToBytes, requestFromBytes, requestToBytes } from './requests/bytes.ts';
export { FRAME_TYPE, LINK_TYPE } from './requests/frame.ts';
export { answerToJson, type RequestJson, requestFromJson, requestToJson } from './requests/json.ts';
export { type NestedStrings, StringTensor } from './tensor/string-tensor.ts';
export { Tensor } from './tensor/tensor.ts';
export { pure } from './tracing/harmless.ts';
export type * from './types/index.ts';
/** What `load` gives, under names by which declarations of a program can tell the types of what it exports. */
export type { LanguageModelOf, NNsightOf };
