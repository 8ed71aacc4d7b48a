import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NNsight, save } from 'onnsight';
import { afterAll, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../runtime/onnx/proto.ts';
import { renameAll } from '../../runtime/onnx/rename.ts';

const fixture = fileURLToPath(new URL('../fixtures/zoo/gpt2.dynamo.onnx', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'onnsight-source-line-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** An error inside the model names the node, its module, and the line of Python that the exporter wrote into the file. */
it('inputs that do not fit each other, found at a node of the model', async () => {
  const proto = decodeModel(readFileSync(fixture));
  // Under its usual name it would be compared with the tokens beforehand.
  const rename = (name: string) => (name === 'attention_mask' ? 'mask' : name);
  const path = join(folder, 'model.onnx');
  writeFileSync(path, encodeModel({ ...proto, graph: renameAll(proto.graph!, rename, (name) => name) }));
  const model = await NNsight.load(path, { device: 'cpu' });
  const trace = model.trace({ input_ids: [[1, 2, 3]], mask: [[1, 1, 1, 1]] }, () =>
    save(model.transformer.h[1].output),
  );
  await expect(trace).rejects.toThrow(
    /does not fit these input sizes: at its node 'node_\w+' \(\w+\) of \S*transformer\S*, written as "\S+\.py:\d+: .+", the sizes of its inputs do not go together/,
  );
});
