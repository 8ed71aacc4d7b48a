import { CONTRIB, isStandard } from '../onnx/domains.ts';
import type { ModelProto } from '../onnx/proto.ts';

/** The oldest operator set in which indices may repeat where gradients add up. */
const OLDEST = 17;

/** The version of the default operator set in which the derivative of a model is written. */
export function gradientOpset({ opsetImport }: Pick<ModelProto, 'opsetImport'>): number {
  return Math.max(OLDEST, Number(opsetImport.find(isStandard)?.version ?? 0));
}

/** A model that imports the operator sets that gradients need. */
export function withGradientOperators(model: ModelProto): ModelProto {
  const others = model.opsetImport.filter((one) => !isStandard(one) && one.domain !== CONTRIB);
  const standard = model.opsetImport.find(isStandard)!;
  const version = BigInt(gradientOpset(model));
  return {
    ...model,
    opsetImport: [{ ...standard, version }, { ...standard, domain: CONTRIB, version: 1n }, ...others],
  };
}
