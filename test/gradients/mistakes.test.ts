import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Adam,
  argmax,
  backward,
  clone,
  detach,
  float,
  grad,
  NNsight,
  Parameter,
  round,
  save,
  square,
  sum,
} from 'onnsight';
import { describe, expect, it } from 'vitest';
import { makeGraph, makeModel, makeNode, makeTensor, makeValueInfo } from '../../runtime/onnx/make.ts';
import { encodeModel } from '../../runtime/onnx/proto.ts';
import { clean, lm, marked } from '../errors/support.ts';

const { traceFails } = marked(import.meta.url);
const { h, wte, ln_f } = lm.transformer;

/** A model whose inner module is a determinant, of which this library has no derivative. */
function determinant() {
  const nodes = [
    makeNode('MatMul', ['x', 'w'], ['y'], {}, '/first/MatMul'),
    makeNode('Det', ['y'], ['d'], {}, '/inner/Det'),
    makeNode('Sin', ['d'], ['z'], {}, '/last/Sin'),
  ];
  const weights = [makeTensor('w', 'float32', [1, 2, 3, 4], [2, 2])];
  const graph = makeGraph(
    'g',
    nodes,
    [makeValueInfo('x', 'float32', [2, 2])],
    [makeValueInfo('z', 'float32')],
    weights,
  );
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), 'determinant.onnx');
  writeFileSync(path, encodeModel(makeModel(graph, 17)));
  return NNsight.load(path, { device: 'cpu' });
}

/** A model whose inner module doubles the square of a tensor twice over, by a loop that makes it longer each time. */
function growing() {
  const body = makeGraph(
    'body',
    [
      makeNode('Identity', ['on'], ['still']),
      makeNode('Mul', ['state', 'state'], ['square']),
      makeNode('Concat', ['square', 'state'], ['next'], { axis: { int: -1 } }),
    ],
    [makeValueInfo('i', 'int64', []), makeValueInfo('on', 'bool', []), makeValueInfo('state', 'float32', [1, null])],
    [makeValueInfo('still', 'bool'), makeValueInfo('next', 'float32', [1, null])],
  );
  const nodes = [
    makeNode('Sin', ['x'], ['y'], {}, '/first/Sin'),
    makeNode('Loop', ['times', '', 'y'], ['z'], { body: { graph: body } }, '/inner/Loop'),
  ];
  const [x, z] = [makeValueInfo('x', 'float32', [1, 2]), makeValueInfo('z', 'float32')];
  const path = join(mkdtempSync(join(tmpdir(), 'onnsight-')), 'growing.onnx');
  writeFileSync(
    path,
    encodeModel(makeModel(makeGraph('g', nodes, [x], [z], [makeTensor('times', 'int64', [2], [])]), 17)),
  );
  return path;
}

describe('a gradient that is not there is an error at its line', () => {
  it('through an operator that has no derivative here, which is named, with its module and the loss', async () => {
    const model = await determinant();
    await traceFails(
      model.trace(
        {
          x: [
            [1, 2],
            [3, 5],
          ],
        },
        () => {
          backward(model.last.output);
          return save(model.first.output.grad); // @det
        },
      ),
      'det',
      /has to pass through '\/inner\/Det' \(Det\) of inner/,
      /the operator Det has no derivative here/,
      /The loss \(.*mistakes\.test\.ts:\d+/,
    );
  });

  it('not where the gradient need not pass the operator', async () => {
    const model = await determinant();
    const found = await model.trace(
      {
        x: [
          [1, 2],
          [3, 5],
        ],
      },
      () => {
        backward(model.last.output + 0);
        return save(model.inner.output.grad);
      },
    );
    // x · w = [[7, 10], [18, 26]], whose determinant is 2.
    expect(found.item()).toBeCloseTo(Math.cos(2), 4);
  });

  it('a second time through an operator whose derivative has none, which is named with its module', async () => {
    const lm = await NNsight.load(growing(), { device: 'cpu' });
    const x = [[1, 2]];
    await traceFails(
      lm.trace({ x }, () => {
        const slope = grad(sum(lm.inner.output), lm.first.output);
        return save(grad(sum(square(slope)), lm.first.output)); // @twice
      }),
      'twice',
      /\/inner\/Loop' \(Loop\) of inner/,
      /shapes change from iteration to iteration/,
    );
  });

  it('of what the loss may not depend on, asked in the block whether it is there', async () => {
    const perhaps = () => {
      'use trace';
      return grad(sum(h[0].output), [h[2].output], { allowUnused: true });
    };
    const message = /undefined is known only after the run/;
    await expect(lm.trace(clean, () => ({ is: perhaps()[0] === undefined }))).rejects.toThrow(message);
    await expect(lm.trace(clean, () => ({ is: perhaps()[0] != null }))).rejects.toThrow(message);
    await expect(lm.trace(clean, () => save(perhaps()[0] ?? h[0].output))).rejects.toThrow(message);
    await expect(lm.trace(clean, () => ({ dtype: perhaps()[0]?.dtype }))).rejects.toThrow(message);
    await expect(lm.trace(clean, () => ({ is: typeof perhaps()[0] }))).rejects.toThrow(message);
    await expect(lm.trace(clean, () => save(perhaps()[0]! && h[0].output))).rejects.toThrow(message);
    await expect(
      lm.trace(clean, () => {
        const [g = h[0].output] = perhaps();
        return save(g);
      }),
    ).rejects.toThrow(message);
    expect(await lm.trace(clean, () => save(perhaps()[0]!))).toBeUndefined();
  });

  it('after a branch or loop with a backward pass in it', () =>
    traceFails(
      lm.trace(clean, () => {
        if (sum(ln_f.output) > 0) backward(sum(square(ln_f.output)));
        return save(h[1].output.grad); // @behind
      }),
      'behind',
      /only the run will tell whether there was one/,
    ));

  it('before the backward pass of an iteration, of the one before', () =>
    traceFails(
      lm.trace(clean, () => {
        const x = h[1].output;
        backward(sum(square(x)));
        for (const row of x[0]) {
          save(x.grad);
          backward(sum(square(x) * row)); // @sooner
        }
      }),
      'sooner',
      /is read in this loop before the backward pass/,
    ));

  it('through earlier iterations of a loop', () =>
    traceFails(
      lm.trace(clean, () => {
        const x = h[1].output['0, 0'];
        let y = x;
        let slope = x;
        for (const row of h[1].output[0]) {
          y = y * row;
          slope = grad(sum(y), x); // @earlier
        }
        return save(slope);
      }),
      'earlier',
      /pass through earlier iterations of the loop/,
    ));

  it('set in a branch that has the pass in it', () =>
    traceFails(
      lm.trace(clean, () => {
        if (sum(ln_f.output) > 0) {
          backward(sum(square(ln_f.output)));
          h[1].output.grad = h[1].output; // @inside
          save(wte.output.grad);
        }
      }),
      'inside',
      /is set of a backward pass that stands in a branch or loop/,
    ));

  it('in a branch, through an earlier trace', () =>
    traceFails(
      lm.session((session) => {
        const [x, y] = session.trace(clean, () => [h[1].output, h[2].output]);
        return session.trace(clean, () => {
          let slope = x;
          if (sum(ln_f.output) > 0) slope = grad(sum(square(y)), x); // @far
          return save(slope);
        });
      }),
      'far',
      /would have to pass through what was computed before it: by the block itself, a forward pass, a function or another model/,
    ));

  it('by what the loss does not depend on', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(h[1].output));
        return save(h[2].output.grad); // @later
      }),
      'later',
      /does not depend on this tensor/,
    ));

  it('by what only a detached copy leads to', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(square(detach(h[1].output))));
        return save(h[1].output.grad); // @detached
      }),
      'detached',
      /does not depend on this tensor, or only in ways that have no gradient/,
    ));

  it('through an argmax', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(float(argmax(h[1].output, -1))));
        return save(h[1].output.grad); // @argmax
      }),
      'argmax',
      /no gradient \(an argmax/,
    ));

  it('through a rounding', () =>
    traceFails(
      lm.trace(clean, () => {
        const loss = sum(round(h[1].output));
        return save(grad(loss, h[1].output)); // @round
      }),
      'round',
      /a rounding/,
    ));

  it('by whole numbers', () =>
    traceFails(
      lm.trace(clean, () => {
        const top = argmax(lm.lm_head.output, -1);
        backward(sum(lm.lm_head.output));
        return save(top.grad); // @integer
      }),
      'integer',
      /gradient by a tensor of int64.*only floating-point tensors have gradients/,
    ));

  it('by whole numbers, as a function', () =>
    traceFails(
      lm.trace(clean, () => {
        const top = argmax(lm.lm_head.output, -1);
        return save(grad(sum(lm.lm_head.output), top)); // @integers
      }),
      'integers',
      /gradient by a tensor of int64/,
    ));

  it('before a backward pass', () =>
    traceFails(
      lm.trace(clean, () => {
        return save(h[1].output.grad); // @before
      }),
      'before',
      /'grad' is read or set before a backward pass\. Call backward\(loss\) first/,
    ));

  it('as an optimizer needs it, in a block', async () => {
    const vector = new Parameter(new Float32Array(128));
    const adam = new Adam([vector]);
    const trace = lm.trace(clean, () => {
      h[1].output[':, -1'] += vector;
      backward(lm.lm_head.output['0, -1'].max());
      adam.step();
    });
    await expect(trace).rejects.toThrow(
      /step\(\) changes numbers in memory at once.* do it before the trace, or behind it/,
    );
    expect(vector.data.every((one) => one === 0)).toBe(true);
  });

  it.each(['in a branch', 'to a value of the block'])('of a parameter, set %s before a backward pass', async (how) => {
    const vector = new Parameter(new Float32Array(128));
    await traceFails(
      lm.trace(clean, () => {
        if (how === 'to a value of the block') {
          vector.grad = h[1].output['0, 0'] as never; // @traced
        } else if (sum(h[1].output) < 0) {
          vector.grad = [...Array(128)].fill(1); // @branch
        }
        return save(h[1].output);
      }),
      how === 'in a branch' ? 'branch' : 'traced',
      /Setting the gradient of a Parameter before a backward pass changes numbers in memory at once/,
    );
    expect(vector.grad).toBeNull();
  });

  it('set before a backward pass', () =>
    traceFails(
      lm.trace(clean, () => {
        h[1].output.grad = 0; // @set
        return save(h[1].output);
      }),
      'set',
      /before a backward pass/,
    ));
});

describe('a loss that has no gradient is an error at its line', () => {
  it('of several elements', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(lm.lm_head.output); // @several
        return save(h[1].output.grad);
      }),
      'several',
      /loss has dims \[1, 15, 189\], and only one element has a gradient by itself.*backward\(loss, gradient\)/,
    ));

  it('of as many elements as only the run tells', () =>
    traceFails(
      lm.trace(clean, () => {
        const positive = h[1].output[(h[1].output > 0) as never];
        backward(positive); // @unknown
        return save(h[1].output.grad);
      }),
      'unknown',
      /loss has dims \[\d+\], and only one element/,
    ));

  it('of whole numbers', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(argmax(lm.lm_head.output, -1))); // @whole
        return save(h[1].output.grad);
      }),
      'whole',
      /the loss is int64/,
    ));

  it('with a gradient of another shape', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(lm.lm_head.output, h[1].output); // @shape
        return save(h[1].output.grad);
      }),
      'shape',
      /They have the same dtype and shape/,
    ));
});

describe('what would need a gradient before it is there is an error at its line', () => {
  it('a module that is set to something of the same pass', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(square(lm.lm_head.output)));
        h[2].output = h[2].output - clone(h[1].output.grad) * 0.1; // @write
        return save(lm.lm_head.output);
      }),
      'write',
      /depends on a gradient of the same forward pass/,
    ));

  it('a gradient that is set to something further back', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(square(lm.lm_head.output)));
        h[2].output.grad = h[1].output.grad; // @back
        return save(wte.output.grad);
      }),
      'back',
      /cycle: a gradient is set to something that depends on a gradient further back/,
    ));

  it('a gradient that is set to something further back in the same layer', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(square(lm.lm_head.output)));
        h[2].attn.c_proj.output.grad = h[2].ln_1.output.grad; // @layer
        return save(wte.output.grad);
      }),
      'layer',
      /cycle: a gradient is set to something that depends on a gradient further back/,
    ));

  it('a gradient that is set by what the loss does not depend on', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(square(h[0].output)));
        h[2].output.grad = h[2].output; // @astray
        return save(wte.output.grad);
      }),
      'astray',
      /The loss does not depend on this tensor/,
    ));

  it('the gradient by what a branch made after the pass', () =>
    traceFails(
      lm.trace(clean, () => {
        backward(sum(square(ln_f.output)));
        let found = sum(h[0].output);
        if (found > 0) {
          const doubled = clone(h[1].output);
          found = sum(doubled.grad); // @made
        }
        return save(found);
      }),
      'made',
      /made in a branch or loop after the backward pass/,
    ));
});
