import type { Locate } from '../lowering/address.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { Cuts } from './cuts.ts';
import type { InterventionPrograms } from './intervention-programs.ts';
import type { Segments } from './segment-programs.ts';

/** A model that is cut into segments, with the programs that run them and what stands between them. */
export interface CutModel {
  readonly model: OnnxModel;
  readonly locate: Locate;
  readonly cuts: Cuts;
  /** Whether traces add cuts where they touch the model. */
  readonly isFixed: boolean;
  readonly segments: Segments;
  readonly interventions: InterventionPrograms;
}

/** A graph cannot run segment by segment: the model has to run whole. */
export class Unsegmentable extends Error {}
