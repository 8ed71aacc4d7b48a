import { runInThisContext } from 'node:vm';

/*
 * A test runner such as jest gives tests a realm of their own, with typed arrays of its own. ONNX Runtime's tensors hold
 * arrays of Node's realm, and it compares them with the classes that it finds: there a class stands for both.
 * This must come before ONNX Runtime is loaded.
 */
const CLASSES = {
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  BigInt64Array,
  Uint8Array,
  Uint16Array,
  Uint32Array,
  BigUint64Array,
};

for (const [name, own] of Object.entries(CLASSES)) {
  const native: unknown = runInThisContext(name);
  if (native === own || typeof native !== 'function') continue;
  Object.defineProperty(own, Symbol.hasInstance, {
    configurable: true,
    value(this: unknown, value: unknown) {
      const isOwn = Function.prototype[Symbol.hasInstance].call(own, value);
      return isOwn || (this === own && value instanceof native);
    },
  });
}
