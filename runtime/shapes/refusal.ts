import type { DType } from '../graph/types.ts';
import { ModelError } from '../onnx/error.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { ModelTensor } from '../onnx/model-tensor.ts';
import { weightless } from '../onnx/weightless.ts';
import { ort } from '../ort/ort.ts';
import { plainText } from '../ort/plain-text.ts';

/**
 * The error for a model that ONNX Runtime refuses whatever it is given and whatever a block does; null for one that it
 * takes. It is found out when something has failed, not at each load: that would make every load slower.
 */
export async function refusalOf(model: OnnxModel): Promise<ModelError | null> {
  const isAsked = ({ dtype, element }: ModelTensor) => dtype !== null || element === 'string';
  const outputs = model.outputs.filter(isAsked).map(({ name }) => name);
  if (outputs.length === 0) return null;
  try {
    const made = await ort.examine(weightless(model, {}, outputs), { optimization: 'disabled', folder: model.folder });
    checkOutputs(model, new Map(made.map((one) => [one.name, one])));
    return null;
  } catch (error) {
    if (error instanceof ModelError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new ModelError(
      `${model.path} does not run: ONNX Runtime refuses the model itself, whatever a block does: ${(plainText(message) || message.trim()).replace(/\.+$/, '')}.`,
      { cause: error },
    );
  }
}

/** ONNX Runtime takes no file that declares an output as another type than that of what makes it. */
export function checkOutputs(
  { path, outputs }: OnnxModel,
  found: ReadonlyMap<string, { readonly dtype: DType | null }>,
): void {
  for (const { name, dtype, element } of outputs) {
    const type = found.get(name);
    const declared = dtype ?? element;
    if (type?.dtype && declared !== undefined && type.dtype !== declared)
      throw new ModelError(`${path} declares its output ${name} as ${declared}, but what makes it gives ${type.dtype}`);
  }
}
