import fc from 'fast-check';
import { save } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import type { InterventionGraph } from '../../runtime/graph/graph.ts';
import { narrow } from '../../runtime/graph/passes/narrow.ts';
import { RowWiseEnds } from '../../runtime/partition/row-wise.ts';
import { Tensor } from '../../runtime/tensor/tensor.ts';
import type { TraceRequest } from '../../runtime/types/backend.ts';
import { difference, type Engines, ids, openEngines, runGraph, SEGMENTATIONS } from '../execution/engines.ts';
import { modelPath, reference, TOY } from '../support/fixtures.ts';
import { referenceFeeds, runModel } from '../support/run-model.ts';

/** How many of a graph's reads run on fewer rows. */
function narrowed({ map }: Engines, graph: InterventionGraph): number {
  const writes = ({ root }: InterventionGraph) => root.nodes.filter(({ op }) => op === 'write').length;
  const context = new RowWiseEnds(map.model, map.tree).context(map.locate);
  return writes(narrow(graph, context).graph) - writes(graph);
}

describe.each([
  ['gpt2', 'ts'],
  ['gpt2', 'dynamo'],
  ['llama', 'ts'],
  ['llama', 'dynamo'],
] as const)('rows of the logits of %s (%s exporter)', (name, exporter) => {
  it('are those of ONNX Runtime’s own logits, wherever they are read', async () => {
    const file = await openEngines(modelPath(`zoo/${name}`, exporter));
    const feeds = referenceFeeds(file.map.model, reference(`zoo/${name}`));
    const { output } = await runModel(file.map.model, feeds, ['output']);
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([input, { type, data, dims }]) => [
        input,
        new Tensor(type as 'float32', dims, data as Float32Array<ArrayBuffer>),
      ]),
    );
    const logits = { dims: output!.dims, data: output!.data as Float32Array };
    let found = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(key(logits.dims), { minLength: 1, maxLength: 3 }), async (keys) => {
        const block = () => {
          'use trace';
          return keys.map((parts) => save(file.model.output[parts.join(', ')]));
        };
        for (const segmentation of SEGMENTATIONS) {
          const graph = await file.model.graph(inputs, block);
          found += narrowed(file, graph);
          const { tensors } = await runGraph(file.engine(segmentation), graph, inputs);
          for (const [i, parts] of keys.entries()) expectSame(tensors[i]!, selected(logits, parts));
        }
      }),
      { numRuns: 12, seed: 7 },
    );
    expect(found).toBeGreaterThan(5);
  }, 120_000);
});

/** An index: integers and slices, up to one for each dimension. */
function key(dims: readonly number[]) {
  const integer = (size: number) => fc.integer({ min: -size, max: size - 1 }).map(String);
  const bound = fc.oneof(fc.constant(''), fc.integer({ min: -4, max: 4 }).map(String));
  const slice = fc
    .tuple(bound, bound, fc.constantFrom('', ':2'))
    .map(([start, stop, step]) => `${start}:${stop}${step}`);
  const items = dims.map((size) => fc.oneof(fc.constant(':'), integer(size), integer(size), slice));
  return fc.tuple(...items, fc.integer({ min: 2, max: dims.length })).map((all) => {
    const count = all.at(-1) as number;
    return (all.slice(0, -1) as string[]).slice(0, count);
  });
}

type Plain = { readonly dims: readonly number[]; readonly data: ArrayLike<number> };

/** What an index selects, by Python's rules. */
function selected({ dims, data }: Plain, parts: readonly string[]): Plain {
  let strides = 1;
  const chosen = dims
    .map((size, dim) => ({ size, dim }))
    .reverse()
    .map(({ size, dim }) => {
      const stride = strides;
      strides *= size;
      return { offsets: positions(parts[dim] ?? ':', size).map((at) => at * stride), isKept: isSlice(parts[dim]) };
    })
    .reverse();
  const offsets = chosen.reduce<number[]>((all, one) => all.flatMap((a) => one.offsets.map((b) => a + b)), [0]);
  return {
    dims: chosen.filter(({ isKept }) => isKept).map((one) => one.offsets.length),
    data: offsets.map((offset) => data[offset]!),
  };
}

const isSlice = (part = ':') => part.includes(':');

function positions(part: string, size: number): number[] {
  const all = Array.from({ length: size }, (_, i) => i);
  if (!isSlice(part)) return [all.at(Number(part))!];
  const [start, stop, step] = part.split(':');
  const sliced = all.slice(start ? Number(start) : 0, stop ? Number(stop) : size);
  return sliced.filter((_, i) => i % Number(step || 1) === 0);
}

function expectSame(tensor: Tensor, { dims, data }: Plain): void {
  expect(tensor.dims).toEqual(dims);
  for (let i = 0; i < data.length; i++) expect(Number(tensor.data[i])).toBeCloseTo(data[i]!, 4);
}

describe('on the toy model', () => {
  let file: Engines;
  // biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
  let model: any;
  const inputs = ids([1, 2, 3, 4], [4, 3, 2, 1]);

  beforeAll(async () => {
    file = await openEngines(TOY);
    model = file.model;
  });

  /** What a block gives, alone and when all logits are saved beside it: then all are computed. */
  async function expectNarrowed(count: number, block: () => unknown[], all = () => save(model.lm_head.output)) {
    const graph = await model.graph(inputs, block);
    expect(narrowed(file, graph)).toBe(count);
    const whole = await model.graph(inputs, () => [...block(), all()]);
    expect(narrowed(file, whole)).toBe(0);
    for (const segmentation of SEGMENTATIONS) {
      const engine = file.engine(segmentation);
      const { tensors } = await runGraph(engine, graph, inputs);
      const wanted = await runGraph(engine, whole, inputs);
      expect(difference(tensors, wanted.tensors.slice(0, -1))).toBeLessThan(1e-5);
      expect(tensors[0]!.data.length).toBeGreaterThan(0);
    }
  }

  it('a difference of two logits', () =>
    expectNarrowed(1, () => {
      'use trace';
      return [save(model.lm_head.output['0, -1, 5'] - model.lm_head.output['0, -1, 6'])];
    }));

  it('several rows of one text, and of all of them', async () => {
    await expectNarrowed(1, () => {
      'use trace';
      const [first] = model.lm_head.output;
      return [save(first[-1][5] - first[0][6]), save(model.lm_head.output[1][2][':7'])];
    });
    await expectNarrowed(1, () => {
      'use trace';
      return [save(model.lm_head.output[':, -1, 5']), save(model.lm_head.output[':, 0'])];
    });
  });

  it('rows of parts of the batch, one of each text', async () => {
    await expectNarrowed(1, () => {
      'use trace';
      const [first, second] = [model.lm_head.output[':1'], model.lm_head.output['1:']];
      return [save(first[':, -1']), save(first['0, 1, :5']), save(second[0][2][3]), save(model.lm_head.output[':, 0'])];
    });
    await expectNarrowed(1, () => {
      'use trace';
      return [save(model.lm_head.output['::-1'][':, 1:'][0])];
    });
  });

  it('of several invokes', async () => {
    const prompts = [[[1, 2, 3]], [[3, 2, 1]], [[2, 2, 2]]].map((input_ids) => ({ input_ids }));
    const graphs: InterventionGraph[] = [];
    const trace = (block: () => unknown) => {
      const invokes = (tracer: { invoke(input: unknown, block: () => unknown): unknown }) => {
        'use trace';
        return prompts.map((prompt) => tracer.invoke(prompt, block));
      };
      const run = ({ graph, execute }: TraceRequest) => {
        graphs.push(graph);
        return execute();
      };
      return model.trace(invokes, { backend: { run } });
    };
    const rows = await trace(() => {
      'use trace';
      model.transformer.h[1].output[':, 1'] = 0;
      return save(model.lm_head.output['0, -1']);
    });
    const whole = await trace(() => {
      'use trace';
      model.transformer.h[1].output[':, 1'] = 0;
      return save(model.lm_head.output);
    });
    expect(graphs.map((graph) => narrowed(file, graph))).toEqual([1, 0]);
    rows.forEach((row: Tensor, i: number) => {
      expectSame(row, selected({ dims: whole[i].dims, data: whole[i].data }, ['0', '-1']));
    });
  });

  it('rows that a tensor of the block selects', () =>
    expectNarrowed(1, () => {
      'use trace';
      const most = model.transformer.h[0].output[0].sum(-1).argmax();
      return [save(model.lm_head.output[0][most])];
    }));

  it('logits that a conditional and a loop go on with', () =>
    expectNarrowed(1, () => {
      'use trace';
      let last = model.lm_head.output[':, -1'];
      if (last.sum() > 0) last = last * 2;
      else last = last - 1;
      let sum = 0;
      for (const row of last) sum += row.norm();
      return [save(last), save(sum)];
    }));

  it('behind interventions, on what enters the end too', () =>
    expectNarrowed(1, () => {
      'use trace';
      model.transformer.h[1].output[':, 1'] = 0;
      model.transformer.h[3].output *= 2;
      model.transformer.output[':, -1, :9'] += 1;
      model.transformer.output *= 3;
      return [save(model.lm_head.output[':, -1']), save(model.transformer.output)];
    }));

  it('where the end is entered by something else altogether', () =>
    expectNarrowed(1, () => {
      'use trace';
      model.transformer.output = model.transformer.h[0].output;
      return [save(model.lm_head.output['1, 1:3'])];
    }));

  it('not where the unembedding’s input is set for it alone', () =>
    expectNarrowed(0, () => {
      'use trace';
      model.lm_head.input = model.transformer.output * 2;
      return [save(model.lm_head.output['0, -1'])];
    }));

  it('not where the logits are set', () =>
    expectNarrowed(0, () => {
      'use trace';
      const first = model.lm_head.output['0, 0'];
      model.lm_head.output['0, 1'] = first;
      return [save(first), save(model.lm_head.output[0])];
    }));

  it('not where whole texts are read', () =>
    expectNarrowed(0, () => {
      'use trace';
      const text = model.lm_head.output[0];
      return [save(text), save(text[-1])];
    }));

  it('not where something else needs them all', () =>
    expectNarrowed(0, () => {
      'use trace';
      return [save(model.lm_head.output['0, -1']), save(model.lm_head.output.argmax(-1))];
    }));

  it('not where a row depends on another one', () =>
    expectNarrowed(0, () => {
      'use trace';
      const next = model.lm_head.output['0, -1'].argmax() % 4;
      return [save(model.lm_head.output[1][next])];
    }));

  it('not where a branch reads them', () =>
    expectNarrowed(0, () => {
      'use trace';
      const logits = model.lm_head.output;
      let row = model.transformer.h[0].output['0, 0, 0'];
      if (row > 0) row = logits['0, 0, 0'];
      else row = logits['0, 1, 0'];
      return [save(row)];
    }));

  it('beside modules that are called by themselves', () =>
    expectNarrowed(1, () => {
      'use trace';
      const early = model.lm_head(model.transformer.ln_f(model.transformer.h[0].output));
      return [save(model.lm_head.output['0, -1']), save(early['0, -1'])];
    }));

  it('an index that leaves them is an error at its line', async () => {
    const trace = model.trace(inputs, () => {
      const far = model.transformer.h[0].output.argmax() * 0 + 9;
      const logits = model.lm_head.output;
      return save(logits[0][far]);
    });
    await expect(trace).rejects.toThrow(/narrow\.test\.ts:284:\d+ - /);
  });

  it('leaves the graph of the user as it was, and a cycle for the one who orders it to report', async () => {
    const block = () => {
      'use trace';
      return save(model.lm_head.output['0, -1']);
    };
    const graph = await model.graph(inputs, block);
    const before = String(graph);
    await runGraph(file.engine('layers'), graph, inputs);
    expect(String(graph)).toBe(before);
    const cycle = model.trace(inputs, () => {
      model.transformer.h[0].output = model.lm_head.output[':, -1:'].sum() + model.transformer.h[0].output;
      return save(model.lm_head.output['0, -1']);
    });
    await expect(cycle).rejects.toThrow(/narrow\.test\.ts:\d+:\d+ - This is a cycle: transformer\.h\.0\.output/);
  });
});
