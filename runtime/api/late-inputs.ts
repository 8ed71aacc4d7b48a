import type { Site, Value } from '../graph/types.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import type { CourseStep } from '../types/course.ts';

/** Inputs of a forward, some of which are values of earlier ones. */
export interface LateInputs {
  readonly values: ReadonlyMap<string, Value>;
  /** Makes all inputs of the tensors that the values are. */
  prepare(tensors: ReadonlyMap<string, InputTensor>): ReadonlyMap<string, InputTensor>;
  /** Those that are data. */
  data(): ReadonlyMap<string, InputTensor>;
  /** The line that they are given at. */
  readonly site: Site | null;
  /** The step of a generation that the forward is. */
  readonly step?: CourseStep;
}
