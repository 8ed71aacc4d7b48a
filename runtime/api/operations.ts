import { TraceError } from '../errors.ts';
import { operationPath } from '../modules/operation-path.ts';
import { ownProxy } from '../own-proxies.ts';
import { PROBED_NAMES } from '../probed-names.ts';
import { callerSite } from '../tracing/caller.ts';
import type { Operations } from '../types/module.ts';
import { atCaller } from './at-caller.ts';
import { OperationEnvoy } from './envoy.ts';
import type { ModelMap } from './model-map.ts';
import type { Standing } from './place.ts';
import { Ports } from './ports.ts';

/**
 * The operations inside a module by ONNX name and count: `attn.ops.Softmax.output`, `attn.ops.MatMul_1.output`. They
 * have no members of their own: every name is that of an operation.
 */
export function operationsOf(map: ModelMap, path: string, standing: Standing): Operations {
  const names = () => map.find(path).operations.map(({ name }) => name);
  const envoy = (name: string) =>
    new OperationEnvoy(new Ports(map, operationPath(path, name), 0, standing), `${path && `${path}.`}ops.${name}`);
  const has = (key: PropertyKey): key is string => typeof key === 'string' && map.hasOperation(path, key);
  const cannot = (key: PropertyKey) =>
    new TraceError(
      `${path || 'the model'}.ops.${String(key)} cannot be set or deleted: a model keeps its operations. Set .output or .input of one.`,
      callerSite(),
    );
  // Node prints what stands behind a proxy, not the proxy.
  const inside = () => [...map.insideOf(path).keys()].map((name) => `${name} (inside)`);
  const printed = {
    [Symbol.for('nodejs.util.inspect.custom')]: () => `ops: ${[...names(), ...inside()].join(', ') || 'none'}`,
  };
  return ownProxy<Operations>(printed, {
    get(_, key) {
      if (typeof key === 'symbol' || (PROBED_NAMES.has(key) && !has(key))) return undefined;
      atCaller(() => map.nodeOf(path, key));
      return envoy(key);
    },
    has: (_, key) => has(key),
    ownKeys: names,
    getOwnPropertyDescriptor: (_, key) =>
      has(key) ? { value: envoy(key), enumerable: true, configurable: true } : undefined,
    set(_, key) {
      throw cannot(key);
    },
    defineProperty(_, key) {
      throw cannot(key);
    },
    deleteProperty(_, key) {
      throw cannot(key);
    },
  });
}
