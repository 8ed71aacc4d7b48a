import { fileURLToPath } from 'node:url';
import { NNsight, save } from 'onnsight';
import { expect, it } from 'vitest';

const fixture = fileURLToPath(new URL('../fixtures/zoo/gpt2.dynamo.onnx', import.meta.url));

/** An error inside the model names the node, its module, and the line of Python that the exporter wrote into the file. */
it('inputs that do not fit each other, found at a node of the model', async () => {
  const model = await NNsight.load(fixture, { device: 'cpu' });
  const trace = model.trace({ input_ids: [[1, 2, 3]], attention_mask: [[1, 1, 1, 1]] }, () =>
    save(model.transformer.h[1].output),
  );
  await expect(trace).rejects.toThrow(
    /does not fit these input sizes: at its node 'node_\w+' \(\w+\) of \S*transformer\S*, written as "\S+\.py:\d+: .+", the sizes of its inputs do not go together/,
  );
});
