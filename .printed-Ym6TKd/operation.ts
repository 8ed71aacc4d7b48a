import { type Loose, NNsight, save } from 'onnsight';

const lm = await NNsight.load<Loose>('/work/wt/kinds/test/fixtures/zoo/gpt2.ts.onnx', { device: 'cpu' });
const inputs = { input_ids: [[1, 2, 3]], attention_mask: [[1, 1, 1]] };
const { h } = lm.model.transformer;
await lm.trace(inputs, () => save(h[0].output.reshape(7, 9)));
