import { normaliseDim } from '../../graph/operations/dims.ts';
import type { Emitter, Lower, Lowerings } from '../emitter.ts';
import { castTo, kernelType } from './kernels.ts';
import { type Operand, rankOf } from './operand.ts';
import { requireAll } from './requirements.ts';
import { scatterAddByMasks } from './scatter-add.ts';
import { flatten, int, ints, shapeOf, toScalar } from './sizes.ts';

/** Runs what needs at least one dimension on tensors without any too. */
function withDimension(
  emitter: Emitter,
  inputs: readonly Operand[],
  lower: (names: readonly string[]) => string,
): string {
  const names = inputs.map((operand) => (rankOf(operand) === 0 ? flatten(emitter, operand.name) : operand.name));
  const result = lower(names);
  return rankOf(inputs[0]!) === 0 ? toScalar(emitter, result) : result;
}

/** The positions, of which none may be below 0: ONNX counts these from the end, and PyTorch refuses them. */
function counted(emitter: Emitter, positions: string): string {
  const isCounted = emitter.node('Not', [emitter.node('Less', [positions, int(emitter, 0)])]);
  return emitter.node('Add', [positions, requireAll(emitter, 'counted', isCounted)]);
}

/** The inputs, the positions among them (the second) as int64 and checked. */
function withCounted(emitter: Emitter, [x, index, ...others]: readonly Operand[]): readonly Operand[] {
  const name = counted(emitter, castTo(emitter, index!, 'int64'));
  return [x!, { ...index!, name }, ...others];
}

const gather: Lower<'gather'> = (emitter, inputs, attributes) => {
  const axis = { axis: { int: attributes.dim } };
  return [withDimension(emitter, withCounted(emitter, inputs), (names) => emitter.node('GatherElements', names, axis))];
};

/** ScatterElements adds from this operator set on. */
const REDUCING = 16;
/** Its adding kernel has no float16. */
const ADDING = ['float32', 'float64', 'int32', 'int64'] as const;

const scatter: Lower<'scatter'> = (emitter, inputs, attributes) => {
  const { dtype, shape } = inputs[0]!.type;
  const dim = shape === null ? attributes.dim : normaliseDim(attributes.dim, shape.length);
  const adds = attributes.reduce === 'add';
  const result = withDimension(emitter, withCounted(emitter, inputs), ([x, index, src]) => {
    const updates = updatesFor(emitter, index!, src!, rankOf(inputs[2]!) === 0);
    if (!adds) return emitter.node('ScatterElements', [x!, index!, updates], { axis: { int: dim } });
    const computed = kernelType(dtype, ADDING);
    const [base, terms] = [emitter.cast(x!, dtype, computed), emitter.cast(updates, dtype, computed)];
    const summed =
      emitter.opset >= REDUCING
        ? emitter.node('ScatterElements', [base, index!, terms], {
            axis: { int: dim },
            reduction: { string: 'add' },
          })
        : scatterAddByMasks(emitter, base, index!, terms, computed, dim);
    return emitter.cast(summed, computed, dtype);
  });
  return [result];
};

/** One value is repeated for the whole index; of a larger source only as much is taken as the index covers. */
function updatesFor(emitter: Emitter, index: string, src: string, isValue: boolean): string {
  const shape = shapeOf(emitter, index);
  if (isValue) return emitter.node('Expand', [src, shape]);
  const zeros = emitter.node('Mul', [shape, ints(emitter, [0])]);
  return emitter.node('Slice', [src, zeros, shape]);
}

const indexSelect: Lower<'indexSelect'> = (emitter, [x, index], attributes) => {
  const axis = { axis: { int: attributes.dim } };
  const list = counted(emitter, flatten(emitter, castTo(emitter, index!, 'int64')));
  return [withDimension(emitter, [x!], ([name]) => emitter.node('Gather', [name!, list], axis))];
};

export const indexing: Lowerings<'gather' | 'scatter' | 'indexSelect'> = { gather, scatter, indexSelect };
