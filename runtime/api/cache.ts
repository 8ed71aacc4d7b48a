import { TraceError } from '../errors.ts';
import { asSaved } from '../functions/nodes.ts';
import { isFloat } from '../graph/promotion.ts';
import { walk } from '../modules/module.ts';
import { builder } from '../tracing/builder.ts';
import { callerSite } from '../tracing/caller.ts';
import { readGradient, type TracedPass } from '../tracing/gradients.ts';
import { inner } from '../tracing/hidden.ts';
import { TensorProxy } from '../tracing/proxy.ts';
import { saveTensor } from '../tracing/saves.ts';
import type { Cache, CacheOptions } from '../types/tracer.ts';
import { Kept, type Named } from './kept.ts';
import { envoyOf, ModuleEnvoy } from './module-envoy.ts';
import { readTensor } from './module-tensors.ts';
import { join } from './names.ts';
import type { Tracing } from './tracing.ts';
import { TypedModel } from './typed-model.ts';
import { wholePath } from './whole-path.ts';

/** Keeps the tensors of modules in some forwards, as they are at the end of the block. */
export function cacheOf(tracing: Tracing, options: CacheOptions): Cache {
  const target = builder();
  const { forward } = target;
  const moments = tracing.forwards.moments?.() ?? (forward ? [{ forward, reached: null }] : []);
  if (moments.length === 0) throw new TraceError('cache() belongs in the block of a trace.', callerSite());
  if (target.conditional) {
    throw new TraceError(
      'cache() stands in a branch or loop that depends on a traced value. It keeps the values at the end of the block: call it outside.',
      callerSite(),
    );
  }
  if (options.gradients && !target.passes.isOpen) {
    throw new TraceError('cache({ gradients: true }) needs a backward pass: call backward(loss) first.', callerSite());
  }
  const pass = options.gradients ? target.passes.current : null;
  const root = new ModuleEnvoy(TypedModel.of(moments[0]!.forward).held, '');
  const chosen = chosenOf(root, options.modules);
  const kept = new Kept(root);
  const { rows } = target;
  const site = callerSite();
  tracing.atEnd.push(() => {
    target.rows = rows;
    const calls = new Map<ModuleEnvoy, object[]>(chosen.map(([, module]) => [module, []]));
    for (const moment of moments) {
      target.inForward(moment.forward, () => {
        target.reached = moment.reached;
        for (const [, module] of chosen) calls.get(module)!.push(...entriesOf(tracing, module, options, pass));
      });
    }
    target.rows = null;
    target.reached = null;
    const all = chosen.flatMap(([name, module]): Named[] => {
      const [first, ...others] = calls.get(module)!;
      if (first)
        return [{ name, module, entry: { ...first, ...(others.length > 0 && { calls: [first, ...others] }) } }];
      if (typeof options.modules !== 'object') return [];
      throw new TraceError(`cache: ${name} is not called in this trace, so there is nothing to keep of it.`, site);
    });
    kept.fill(all);
  });
  return kept.proxy;
}

/** What is kept of each call of a module in the forward that is open. */
function entriesOf(
  tracing: Tracing,
  { map, path, standing }: ModuleEnvoy,
  options: CacheOptions,
  pass: TracedPass | null,
): object[] {
  const isKept: Record<Side, boolean> = { output: options.outputs !== false, input: options.inputs === true };
  const sides = (['output', 'input'] as const).filter((side) => isKept[side]);
  return tracing.forwards.allOf(map, path, standing).flatMap((forward) => {
    const typed = TypedModel.of(forward);
    const here = sides.filter((port) => typed.has({ path, port, index: 0, call: 0 }));
    const count = here.length > 0 ? Math.max(1, typed.map.find(path).calls.length) : 0;
    return Array.from({ length: count }, (_, call) => {
      const at = (port: Side) => readTensor(forward, { path, port, index: 0, call });
      const each = (ports: readonly Side[], of: (port: Side) => TensorProxy) =>
        Object.fromEntries(ports.map((port) => [port, asSaved(saveTensor(positioned(of(port), options.positions)))]));
      // Tokens have no gradient.
      const floats = here.filter((port) => isFloat(at(port)[inner].type.dtype));
      return {
        ...each(here, at),
        ...(pass && { gradient: each(floats, (port) => readGradient(at(port), 'absent', pass)) }),
      };
    });
  });
}

type Side = 'output' | 'input';

/** Some positions of the second dimension, where there is one. */
function positioned(tensor: TensorProxy, positions: CacheOptions['positions']): TensorProxy {
  const rank = tensor[inner].type.shape?.length;
  if (positions === undefined || (rank !== undefined && rank < 2)) return tensor;
  const text = typeof positions === 'object' ? `[${positions.join(', ')}]` : String(positions);
  return TensorProxy.indexing.getitem(tensor, `:, ${text}`) as TensorProxy;
}

type Chosen = readonly (readonly [name: string, module: ModuleEnvoy])[];

/** The modules that a cache keeps, by the names that they are kept under. */
function chosenOf(root: ModuleEnvoy, modules: CacheOptions['modules']): Chosen {
  if (modules === undefined) return modulesOf(root);
  if (typeof modules === 'function') return modulesOf(root).filter(([path]) => modules(path));
  if (!Array.isArray(modules)) {
    throw new TraceError(
      "The option modules of cache is an array of paths or modules, or a function of a path: { modules: ['transformer.h.0'] }.",
      callerSite(),
    );
  }
  return modules.map((one) => {
    if (typeof one === 'string') return [one, root.within(one)];
    const envoy = envoyOf(one);
    if (envoy?.map === root.map) return [envoy.path, root.within(envoy.path)];
    const path = envoy ? wholePath(root, envoy) : undefined;
    if (envoy && path !== undefined) return [path, envoy];
    throw new TraceError(
      `${envoy?.path || 'A module'} belongs to another model than the one that runs here.`,
      callerSite(),
    );
  });
}

/** The modules that run and have an output of their own, those of attached models among them. */
function modulesOf(root: ModuleEnvoy): Chosen {
  const own = inTree(root, '').filter(([path]) => path !== '');
  const places = [...root.map.names.attached.keys()];
  return [...own, ...places.flatMap((path) => inTree(root.map.names.attachedAt(path)!, path))];
}

function inTree(top: ModuleEnvoy, place: string): Chosen {
  return [...walk(top.module)]
    .filter(({ calls }) =>
      calls.some(({ outputs, order }) => outputs.length > 0 && order !== 'unknown' && order !== 'cut'),
    )
    .map(({ path }) => [place === '' ? path : path === '' ? place : join(place, path), top.within(path)] as const);
}
