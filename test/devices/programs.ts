import {
  add,
  dot,
  einsum,
  log,
  mean,
  type NNsight,
  norm,
  relu,
  save,
  softmax,
  sort,
  stack,
  sum,
  Tensor,
} from 'onnsight';

/** Rows of the zoo's mlp. */
export const x = [
  [0.1, 0.2, 0.3, 0.4, 0.5],
  [0.5, 0.4, 0.3, 0.2, 0.1],
];

/** The numbers 0, 1, 2, … as the run knows them alone: they come out of the model. */
function counting(model: NNsight, n: number) {
  'use trace';
  const numbers = Tensor.from(
    Array.from({ length: n }, (_, i) => i),
    'float32',
  );
  return add(model.layer1.output[0][0] * 0, numbers);
}

interface Program {
  readonly run: (model: NNsight) => Promise<Tensor>;
  /** The elements, worked out by hand. */
  readonly gives: readonly number[];
}

/** Blocks whose results can be worked out by hand, with constructs that need subgraphs and index arithmetic on a device. */
export const programs: Readonly<Record<string, Program>> = {
  'a branch that is taken': {
    run: (model) =>
      model.trace({ x }, () => {
        const v = counting(model, 4);
        let z = v * 1;
        if (v[1] > 0) z = v['1:3'] * 10;
        return save(z);
      }),
    gives: [10, 20],
  },
  'a branch that is not, within one that is': {
    run: (model) =>
      model.trace({ x }, () => {
        const v = counting(model, 5);
        let z = 0;
        if (v[3] > 2) {
          if (v[1] > 2) z = 10;
          else z = 4;
        }
        return save(z);
      }),
    gives: [4],
  },
  'a loop with continue and break': {
    run: (model) =>
      model.trace({ x }, () => {
        const out: number[] = [];
        for (const i of counting(model, 6)) {
          if (i === 4) break;
          if (i === 1) continue;
          out.push(i * 10);
        }
        return save(stack(out));
      }),
    gives: [0, 20, 30],
  },
  'a while loop': {
    run: (model) =>
      model.trace({ x }, () => {
        let v = counting(model, 2)[1] * 100;
        while (v > 10) v /= 2;
        return save(v);
      }),
    gives: [6.25],
  },
  'a loop that edits a module': {
    run: (model) =>
      model.trace({ x }, () => {
        for (const row of model.layer1.output) if (mean(norm(row)) > -1) model.layer1.output[':, 0'] = 1;
        return save(model.layer1.output[':, 0']);
      }),
    gives: [1, 1],
  },
  'slices forward': {
    run: (model) => model.trace({ x }, () => save(counting(model, 8)['1:-1:3'])),
    gives: [1, 4],
  },
  // ONNX Runtime's own Slice would begin at 7 here, on WebGPU.
  'slices backward': {
    run: (model) => model.trace({ x }, () => save(counting(model, 8)['5:1:-2'])),
    gives: [5, 3],
  },
  'slices backward that are set': {
    run: (model) =>
      model.trace({ x }, () => {
        const v = counting(model, 6);
        v['3::-1'] = v['2:6'] * 2;
        return save(v);
      }),
    gives: [10, 8, 6, 4, 4, 5],
  },
  // ONNX Runtime itself gets the following wrong on WebGPU.
  'logarithms of nothing and less': {
    run: (model) => model.trace({ x }, () => save(log(counting(model, 3) - 1))),
    gives: [Number.NaN, Number.NEGATIVE_INFINITY, 0],
  },
  'a quotient that is not a number, kept by relu': {
    run: (model) => model.trace({ x }, () => save(relu(counting(model, 3) / 0))),
    gives: [Number.NaN, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
  },
  'roots of negative numbers': {
    run: (model) => model.trace({ x }, () => save((counting(model, 4) - 2) ** 0.5)),
    gives: [Number.NaN, Number.NaN, 0, 1],
  },
  'an order with infinity': {
    run: (model) => model.trace({ x }, () => save(sort(1 / counting(model, 3)).values)),
    gives: [0.5, 1, Number.POSITIVE_INFINITY],
  },
  'sums over nothing': {
    run: (model) =>
      model.trace({ x }, () => {
        const nothing = counting(model, 4)['2:2'];
        return save(stack([sum(nothing), sum(softmax(nothing, 0)), dot(nothing, nothing)]));
      }),
    gives: [0, 0, 0],
  },
  'an einsum that broadcasts': {
    run: (model) =>
      model.trace({ x }, () => {
        const v = counting(model, 4).view(2, 2);
        return save(einsum('ij,ij->ij', v, v['1:']));
      }),
    gives: [0, 3, 4, 9],
  },
};
