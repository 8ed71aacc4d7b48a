import { InputError, NNsight, save } from 'onnsight';
import { describe, expect, it } from 'vitest';
import { expectClose, reference, TOY } from '../support/toy.ts';
import { difference, loadSmall } from './support.ts';

const words: Record<string, number[]> = { clean: reference.ids.clean, fact: reference.ids.fact };

/** What a subclass of the seed overrides: how inputs are prepared, and how those of several invokes become one batch. */
describe('input hooks', () => {
  const load = (batches: number[] = []) =>
    NNsight.load(`${TOY}/model.onnx`, {
      device: 'cpu',
      inputHooks: {
        prepareInputs: (name) => {
          const ids = words[name as string];
          if (!ids) throw new InputError(`there is no text '${name}'`);
          return { input_ids: [ids] };
        },
        batch: (list) => {
          batches.push(list.length);
          const rows = list.map(({ input_ids }) => (input_ids as number[][])[0]!);
          const length = Math.max(...rows.map((row) => row.length));
          const pad = (row: number[], values: number[]) => [
            ...Array.from({ length: length - row.length }, () => 0),
            ...values,
          ];
          return {
            input_ids: rows.map((row) => pad(row, row)),
            attention_mask: rows.map((row) =>
              pad(
                row,
                row.map(() => 1),
              ),
            ),
          };
        },
      },
    });

  it('prepareInputs makes the inputs of what the user gives', async () => {
    const model = await load();
    const logits = await model.trace('clean' as never, () => save(model.lm_head.output['0, -1']));
    expectClose(logits, reference.cases.modules.logits_last);
    await expect(model.trace('nothing' as never)).rejects.toThrow(/there is no text 'nothing'/);
  });

  it('batch joins the inputs of invokes, here with padding', async () => {
    const batches: number[] = [];
    const model = await load(batches);
    const [clean, fact] = await model.trace((tracer) => [
      tracer.invoke('clean' as never, () => save(model.lm_head.output['0, -1'])),
      tracer.invoke('fact' as never, () => save(model.lm_head.output['0, -1'])),
    ]);
    expect(batches).toEqual([2]);
    expectClose(clean!, reference.cases.modules.logits_last);
    expectClose(fact!, reference.cases.batch.logits_last[0]);
  });

  it('sessions and edits prepare their inputs by them, too', async () => {
    const model = await load();
    const edited = model.edit(() => {
      model.transformer.h[1].output *= 0.5;
    });
    const logits = await edited.session((session) =>
      session.trace('clean' as never, () => save(model.lm_head.output['0, -1'])),
    );
    expectClose(logits, reference.cases.scale.logits_last);
  });

  it('without them, inputs are given by name, or as the data of the first one', async () => {
    const mlp = await loadSmall('zoo/mlp.ts');
    const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
    const [named, bare] = [await mlp.trace({ x }, () => save(mlp.output)), await mlp.trace(x, () => save(mlp.output))];
    expect(difference(named, bare)).toBe(0);
  });
});
