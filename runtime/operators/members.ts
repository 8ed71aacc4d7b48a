import { TraceError } from '../errors.ts';
import * as functions from '../functions/index.ts';
import { methods } from '../functions/methods.ts';
import { asTraced } from '../functions/nodes.ts';
import { matrixTransposed, transposed } from '../functions/shaping.ts';
import { withSignature } from '../functions/with-signature.ts';
import { inner } from '../tracing/hidden.ts';
import '../tracing/indexing.ts';
import { Parameter } from '../tensor/parameter.ts';
import { Tensor } from '../tensor/tensor.ts';
import { apply } from '../tracing/apply.ts';
import { callerSite } from '../tracing/caller.ts';
import { parameterInBlock, readGradient, writeGradient } from '../tracing/gradients.ts';
import { alsoCalled, ours } from '../tracing/harmless.ts';
import { getitem } from '../tracing/indexing.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { saveTensor } from '../tracing/saves.ts';

const savedBy = withSignature<(self: TensorProxy, ...more: never[]) => unknown>('save', saveTensor);

/** Gives proxies and tensors PyTorch's methods. The classes know no operations, so that operations can be built on them. */
const members: Record<string, PropertyDescriptor> = {
  grad: {
    get(this: TensorProxy) {
      return readGradient(this);
    },
    set(this: TensorProxy, value: unknown) {
      writeGradient(this, value);
    },
  },
  ndim: {
    get(this: TensorProxy) {
      return this[inner].type.shape?.length;
    },
  },
  mT: {
    get(this: TensorProxy) {
      return matrixTransposed(asTraced(this));
    },
  },
  T: {
    get(this: TensorProxy) {
      return transposed(asTraced(this));
    },
  },
  save: {
    value(this: TensorProxy, ...args: never[]) {
      return savedBy(this, ...args);
    },
  },
  shape: {
    /** The dimensions: numbers, and traced scalars (int64) for sizes that only the run will tell. */
    get(this: TensorProxy) {
      const { shape } = this[inner].type;
      if (!shape) {
        const message =
          'shape: how many dimensions the tensor has is known only when the model runs. Its first size is x.length; reshape it where they are to be known.';
        throw new TraceError(message, callerSite());
      }
      return shape.map((dim, i) => dim ?? getitem(apply('shape', [this]), i));
    },
  },
};

for (const [name, method] of Object.entries(methods)) {
  members[name] ??= {
    value(this: TensorProxy | Tensor, ...args: unknown[]) {
      // To the type checker proxies are numbers; here they are objects.
      return Reflect.apply(method, undefined, [this, ...args]);
    },
  };
}

Object.defineProperties(TensorProxy.prototype, members);

// What a trace has given has the same methods: outside of a block they compute at once.
for (const name of [...Object.keys(methods), 'T', 'mT']) {
  if (!(name in Tensor.prototype)) Object.defineProperty(Tensor.prototype, name, members[name]!);
}
// The methods of its own take no more than they say, either.
for (const name of ['item', 'reshape', 'to', 'toArray'] as const) {
  const own: (...args: never[]) => unknown = Tensor.prototype[name];
  const checked = withSignature(name, (self: Tensor, ...args: never[]) => Reflect.apply(own, self, args));
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: never[]) {
      return checked(this, ...args);
    },
  });
}
Parameter.inBlock = parameterInBlock;
ours(TensorProxy, Tensor, ...Object.values(functions));
alsoCalled(...Object.keys(functions));
const { get, set } = Object.getOwnPropertyDescriptor(Parameter.prototype, 'grad')!;
ours(get!, set!);
