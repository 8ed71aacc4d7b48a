import { expect, it } from 'vitest';
import { optimize } from '../../runtime/bundle/build/optimize.ts';
import { embedWeights } from '../../runtime/bundle/build/weights.ts';
import { isExternal } from '../../runtime/onnx/external.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import { mapTensors } from '../../runtime/onnx/tensors.ts';
import { TOY_MODEL } from './support/build.ts';

it('weights too large for one file are an error that names the option to leave out', async () => {
  const model = await readModel(TOY_MODEL);
  const large = mapTensors(model.proto, (tensor) =>
    isExternal(tensor)
      ? {
          ...tensor,
          externalData: tensor.externalData.map((one) =>
            one.key === 'length' ? { ...one, value: '1000000000' } : one,
          ),
        }
      : tensor,
  );
  expect(() => embedWeights(large, model)).toThrow(/holds 2146435072 at most\. Compile with --weights link\.$/);
  await expect(optimize(large, model)).rejects.toThrow(/simplifies one file only: compile without --optimize\.$/);
});
