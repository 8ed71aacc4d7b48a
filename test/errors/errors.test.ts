import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, toBinary } from '@bufbuild/protobuf';
import { add, argmax, cat, mean, NNsight, save } from 'onnsight';
import { ModelProtoSchema, TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from 'onnx-buf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TraceError } from '../../runtime/errors.ts';
import { ModelError } from '../../runtime/model/error.ts';
import { loadToy, reference, TOY } from '../support/toy.ts';

const self = fileURLToPath(import.meta.url);
const lines = readFileSync(self, 'utf8').split('\n');
const clean = { input_ids: [reference.ids.clean] };
let lm: Awaited<ReturnType<typeof loadToy>>;
let other: typeof lm;
let folder: string;

beforeAll(async () => {
  lm = await loadToy();
  other = await loadToy();
  folder = mkdtempSync(join(tmpdir(), 'onnsight-errors-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** The line of this file that carries a comment `// @name`. */
const lineOf = (name: string) => lines.findIndex((line) => line.endsWith(`// @${name}`)) + 1;

/** A model of one weight, which stands in a file of its own. */
function externalModel(): Uint8Array {
  const weight = create(TensorProtoSchema, {
    name: 'w',
    dims: [1n],
    dataType: TensorProto_DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: 'location', value: 'weights.bin' }],
  });
  const node = { name: 'copy', opType: 'Identity', input: ['w'], output: ['y'] };
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 17n }],
      graph: { name: 'g', node: [node], initializer: [weight], output: [{ name: 'y' }] },
    }),
  );
}

/** What a promise is rejected with. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => expect.fail('nothing was wrong'),
    (error: Error) => error,
  );
}

/** Fails unless the error is a TraceError at the line that carries `// @mark`, and the model can be traced after it. */
async function expectMistake(error: Error, mark: string, ...says: (string | RegExp)[]): Promise<void> {
  expect(error).toBeInstanceOf(TraceError);
  const { site, message } = error as TraceError;
  expect(`${site?.file}:${site?.line}: ${message}`).toMatch(new RegExp(`errors\\.test\\.ts:${lineOf(mark)}: `));
  expect(message.startsWith(`${site!.file}:${site!.line}:${site!.column} - `)).toBe(true);
  expect(site!.column).toBeGreaterThan(1);
  for (const part of says) expect(message).toMatch(part);
  await expectUsable();
}

async function expectUsable(): Promise<void> {
  const logits = await lm.trace(clean, () => save(lm.lm_head.output['0, -1']));
  expect(logits.dims).toEqual([reference.cases.modules.logits_last.dims[0]]);
}

const traceFails = async (trace: Promise<unknown>, mark: string, ...says: (string | RegExp)[]) =>
  expectMistake(await rejection(trace), mark, ...says);

describe('a file that is no model', () => {
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const zoo = (name: string) => readFileSync(new URL(`../fixtures/zoo/${name}`, import.meta.url));

  it.each<[string, () => string, RegExp]>([
    ['missing', () => join(folder, 'none.onnx'), /no such file: .*none\.onnx/],
    ['empty', () => file('empty.onnx', ''), /empty\.onnx is empty/],
    [
      'no ONNX',
      () => file('text.onnx', 'This is a text and no model.\n'.repeat(20)),
      /text\.onnx is (not an ONNX|cut)/,
    ],
    [
      'cut short',
      () => file('short.onnx', zoo('gpt2.ts.onnx').subarray(0, 5000)),
      /short\.onnx is (cut short|damaged)/,
    ],
    ['a folder', () => folder, /is a directory: name the \.onnx file in it/],
  ])('%s', async (_, path, says) => {
    const error = await rejection(NNsight.load(path()));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(says);
  });

  it('without its external data', async () => {
    const path = file('external.onnx', externalModel());
    const error = await rejection(NNsight.load(path));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/weights\.bin is missing: it holds the tensor w/);
  });

  it('a folder without a model or tokenizer', async () => {
    const { LanguageModel } = await import('onnsight');
    const error = await rejection(LanguageModel.load(join(folder, 'nowhere')));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/no such folder: .*nowhere/);
  });
});

describe('a module that is not there', () => {
  it('a path with a typo', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const scaled = lm.transformer.h[0].output * 2;
        lm.transformer.h[1].output = scaled;
        const typo = lm.transformer.h[1].mpl.output; // @typo
        return save(typo);
      }),
    );
    await expectMistake(error, 'typo', /no module transformer\.h\.1\.mpl/, /did you mean transformer\.h\.1\.mlp/);
    expect(error.cause).toBeInstanceOf(ModelError);
  });

  it('a path with a typo in get', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.get('transformer.h.1').output *= 2;
        return save(lm.get('transfomer.h').output); // @typo in get
      }),
      'typo in get',
      /did you mean transformer/,
    ));

  it('a layer that the model does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        const layer = lm.transformer.h[7]; // @layer
        return save(layer.output);
      }),
      'layer',
      /4 children, so its indices run from -4 to 3/,
    ));

  it('an operation that a module does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        const first = lm.transformer.h[0].output * 2;
        const pattern = lm.transformer.h[0].attn.ops.Sofmax.output; // @operation
        return save(pattern * first);
      }),
      'operation',
      /has no operation 'Sofmax'; it has .*Softmax/,
    ));

  it('a container that is never called', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[0].output *= 2;
        return save(lm.transformer.h.output); // @container
      }),
      'container',
      /container that is never called/,
    ));

  it('something set that is no output or input', () =>
    traceFails(
      lm.trace(clean, () => {
        Object.assign(lm.transformer.h[0], { ouput: 1 }); // @set
      }),
      'set',
      /nothing that could be set by the name 'ouput'\. Set \.output or \.input/,
    ));

  it('a module that is renamed', async () => {
    const rename = { 'transfomer.h': 'layers' };
    const error = await rejection(NNsight.load(join(TOY, 'model.onnx'), { device: 'cpu', rename }));
    expect(error).toBeInstanceOf(ModelError);
    expect(error.message).toMatch(/no module transfomer\.h.*did you mean transformer/);
  });

  it('outside of a trace', async () => {
    let error: unknown;
    try {
      lm.transformer.h[0].output; // @outside
    } catch (thrown) {
      error = thrown;
    }
    await expectMistake(error as Error, 'outside', /transformer\.h\.0 is read outside of a trace/, /in the block of/);
  });

  it('a module of another model', () =>
    traceFails(
      lm.trace(clean, () => {
        const own = lm.transformer.h[0].output * 2;
        return save(own + other.transformer.h[1].output); // @other model
      }),
      'other model',
      /belongs to another model/,
    ));
});

describe('inputs that do not fit', () => {
  it.each<[string, () => unknown, RegExp]>([
    ['a wrong name', () => ({ ids: [[1]] }), /no input 'ids'\. Its inputs are: input_ids \(int64/],
    ['nothing', () => ({}), /Missing inputs: input_ids/],
    ['a wrong dtype', () => ({ input_ids: [[1.5]] }), /input_ids \(int64.*float32/],
    ['a wrong rank', () => ({ input_ids: [1, 2] }), /has 2 dimensions, but a tensor of dims \[2\]/],
    ['a ragged array', () => ({ input_ids: [[1, 2], [3]] }), /input_ids/],
    ['a text in its place', () => ({ input_ids: 'Paris' }), /input_ids/],
    ['null', () => null, /input/],
    ['undefined', () => undefined, /input/],
  ])('%s', async (_, inputs, says) => {
    const error = await rejection(lm.trace(inputs() as never, () => save(lm.lm_head.output)));
    expect(error.name).toBe('InputError');
    expect(error.message).toMatch(says);
    await expectUsable();
  });

  it('a wrong fixed size', async () => {
    const mlp = await NNsight.load(fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url)), {
      device: 'cpu',
    });
    const error = await rejection(mlp.trace([[1, 2, 3]]));
    expect(error.name).toBe('InputError');
    expect(error.message).toMatch(/must have size \d+ in dimension 1, but a tensor of dims \[1, 3\] was given/);
  });

  it('no inputs at all', () =>
    traceFails(
      // @ts-expect-error The inputs come first.
      lm.trace(() => save(lm.lm_head.output)), // @no inputs
      'no inputs',
      /trace needs inputs/,
    ));
});

describe('an assignment that does not fit', () => {
  it('a shape that cannot broadcast', () =>
    traceFails(
      lm.trace(clean, () => {
        const wide = cat([lm.transformer.h[0].output, lm.transformer.h[0].output], -1);
        lm.transformer.h[1].output = wide; // @shape
        return save(lm.lm_head.output);
      }),
      'shape',
      /transformer\.h\.1\.output has dims \[1,15,128\] and cannot be set to a tensor of dims \[1,15,256\]/,
    ));

  it('a float where integers are', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.wte.input = lm.transformer.wte.input * 0.5; // @float
        return save(lm.lm_head.output);
      }),
      'float',
      /wte\.input is int64 and cannot be set to float32\. Convert the value with to\('int64'\)/,
    ));

  it('a slice', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[1].output;
        h[':, -1'] = [1, 2, 3]; // @slice
        return save(lm.lm_head.output);
      }),
      'slice',
      /setitem|dims/,
    ));

  it('no tensor', () =>
    traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[1].output = undefined as never; // @no tensor
        return save(lm.lm_head.output);
      }),
      'no tensor',
      /undefined cannot be used as a tensor/,
    ));

  it('a cycle', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const first = lm.transformer.h[0].input * 2;
        const last = lm.transformer.h[3].output; // @cycle read
        lm.transformer.h[0].output = last + first; // @cycle write
        return save(lm.lm_head.output);
      }),
    );
    await expectMistake(
      error,
      'cycle write',
      /transformer\.h\.0\.output is set to a value that depends on transformer\.h\.3\.output/,
      new RegExp(`errors\\.test\\.ts:${lineOf('cycle read')}:\\d+`),
      /only be fed into modules that run after/,
    );
  });

  it('a cycle through a value that was read in passing', async () => {
    const error = await rejection(
      lm.trace(clean, () => {
        const logits = lm.lm_head.output; // @late read
        const level = logits.mean();
        lm.transformer.wpe.output = level; // @late write
        return save(lm.lm_head.output);
      }),
    );
    await expectMistake(error, 'late write', new RegExp(`read at .*errors\\.test\\.ts:${lineOf('late read')}:\\d+`));
  });

  it('one that nothing saved depends on', () =>
    traceFails(
      lm.trace(clean, () => {
        const early = save(lm.transformer.h[0].output);
        lm.transformer.h[2].output *= 0.5; // @no effect
        return early;
      }),
      'no effect',
      /transformer\.h\.2\.output is set, but nothing that is saved depends on it/,
    ));
});

describe('a value at the wrong time', () => {
  it('returned without a save', () =>
    traceFails(
      lm.trace(clean, () => {
        return { layer: lm.transformer.h[0].output }; // @unsaved
      }),
      'unsaved',
      /the result\.layer is a traced tensor that is not saved.*Return save/,
    ));

  it('saved, but read before the run', () =>
    traceFails(
      lm.trace(clean, () => {
        const saved = save(lm.transformer.h[0].output);
        const data = saved.data; // @early
        return { saved, data };
      }),
      'early',
      /'data' of a saved value is read before the trace has run/,
    ));

  it('after its trace', async () => {
    let kept: unknown;
    await lm.trace(clean, () => {
      kept = lm.transformer.h[0].output * 2;
    });
    let error: unknown;
    try {
      (kept as { mean(): unknown }).mean(); // @after
    } catch (thrown) {
      error = thrown;
    }
    await expectMistake(error as Error, 'after', /trace/);
  });

  it('in another trace', async () => {
    let kept: number;
    await lm.trace(clean, () => {
      kept = lm.transformer.h[0].output * 2;
    });
    await traceFails(
      lm.trace(clean, () => {
        lm.transformer.h[1].output = kept; // @another trace
        return save(lm.lm_head.output);
      }),
      'another trace',
      /trace.*save/i,
    );
  });

  it('of another model', async () => {
    let kept: number;
    await other.trace(clean, () => {
      kept = other.transformer.h[0].output * 2;
    });
    await traceFails(
      lm.trace(clean, () => {
        return save(lm.transformer.h[1].output + kept); // @value of another model
      }),
      'value of another model',
      /of another model, is used here\. Return it from there with save\(\)/,
    );
  });

  it('a function outside of any trace', async () => {
    let error: unknown;
    try {
      mean([1, 2, 3] as never); // @function outside
    } catch (thrown) {
      error = thrown;
    }
    await expectMistake(error as Error, 'function outside', /inside a trace block/);
  });
});

describe('what was not compiled', () => {
  const double = new Function('a', 'return a * 2') as (a: number) => number;

  it('an operator', () =>
    traceFails(
      lm.trace(clean, () => {
        const half = lm.transformer.h[0].output * 0.5;
        return save(double(half)); // @uncompiled operator
      }),
      'uncompiled operator',
      /code that was not compiled.*onnsight plugin.*'use trace'/,
    ));

  it('a block', async () => {
    const block = new Function('return 1') as () => number;
    await traceFails(
      lm.trace(clean, block), // @uncompiled block
      'uncompiled block',
      /was not compiled.*onnsight plugin/,
    );
  });
});

describe('what a graph cannot hold', () => {
  it('a template string of a tensor', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        const text = `norm ${h.norm()}`; // @template
        return { text, saved: save(h) };
      }),
      'template',
      /template string.*console\.log/,
    ));

  it('a switch', () =>
    traceFails(
      lm.trace(clean, () => {
        const top = argmax(lm.lm_head.output['0, -1']);
        switch (
          top // @switch
        ) {
          case 1:
            return save(top);
          default:
            return save(lm.lm_head.output);
        }
      }),
      'switch',
      /switch.*depends on a traced tensor.*if\/else/,
    ));

  it('a throw under a traced condition', () =>
    traceFails(
      lm.trace(clean, () => {
        const norm = lm.transformer.h[0].output.norm();
        if (norm > 1) {
          throw new Error('too long'); // @throw
        }
        return save(norm);
      }),
      'throw',
      /throw stands in a branch/,
    ));

  it('a condition of several elements', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        if (h > 0) lm.transformer.h[1].output *= 2; // @ambiguous
        return save(lm.lm_head.output);
      }),
      'ambiguous',
      /ambiguous \(its dims are \[1,15,128\]\)\. Reduce it with any\(\) or all\(\)/,
    ));
});

describe('an operation that does not fit', () => {
  it('an index out of range', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(h['0, 99']); // @index
      }),
      'index',
      /99.*out of (range|bounds)|out of (range|bounds).*99/,
    ));

  it('an index out of range by number', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(h[3]); // @number index
      }),
      'number index',
      /out of (range|bounds)/,
    ));

  it('a dimension that the tensor does not have', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(mean(h, 5)); // @dim
      }),
      'dim',
      /5/,
    ));

  it('shapes that cannot broadcast', () =>
    traceFails(
      lm.trace(clean, () => {
        const h = lm.transformer.h[0].output;
        return save(add(h, [1, 2, 3] as never)); // @broadcast
      }),
      'broadcast',
      /size of tensor a \(128\) must match the size of tensor b \(3\)/,
    ));
});

describe('a device', () => {
  it('that is not there', async () => {
    const loading = NNsight.load(join(TOY, 'model.onnx'), { device: 'cuda' });
    const works = await loading.then(
      ({ device }) => device === 'cuda',
      () => false,
    );
    // Where there is a CUDA device it has to be the one that was asked for.
    if (works) return;
    const error = await rejection(loading);
    expect(error.name).toBe('DeviceError');
    expect(error.message).toMatch(/'cuda' does not work here: .*Install the CUDA 12 libraries.*npm rebuild/s);
  });

  it('of an unknown name', async () => {
    const error = await rejection(NNsight.load(join(TOY, 'model.onnx'), { device: 'gpu' as never }));
    expect(error.name).toBe('DeviceError');
    expect(error.message).toMatch(/'gpu'.*(cpu|auto).*cuda/s);
  });
});
