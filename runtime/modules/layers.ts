import { type Module, type ModuleCall, walk } from './module.ts';

/** One call of a repeated module. */
export interface Layer {
  readonly path: string;
  readonly call: ModuleCall;
}

/**
 * The calls of a network's repeated modules (the layers of a transformer, the blocks of a ResNet) in the order in which
 * they run: where the model is cut. Layers inside of layers don't count.
 */
export function layersOf(root: Module): Layer[] {
  const found = [...root.children.values()].flatMap((child) => (isRepeated(child) ? calls(child) : layersOf(child)));
  return found.sort((a, b) => a.call.nodes[0]! - b.call.nodes[0]!);
}

/** What the modules that stand directly in layers give (an attention, an MLP): the main output of each of their calls. */
export function partOutputs(root: Module, layers: readonly Layer[]): string[] {
  const paths = new Set(layers.map(({ path }) => path));
  const found = [...walk(root)].filter(({ path }) => paths.has(path));
  const parts = found.flatMap(({ children }) => [...children.values()]);
  return [...new Set(parts.flatMap((part) => part.calls.flatMap(({ outputs }) => outputs.slice(0, 1))))];
}

function calls(list: Module): Layer[] {
  return [...list.children.values()].flatMap(({ path, calls }) =>
    calls.filter(({ nodes }) => nodes.length > 0).map((call) => ({ path, call })),
  );
}

/** Whether a list has two modules of the same structure. A Sequential of single operations is not worth a cut. */
function isRepeated({ list, children }: Module): boolean {
  if (!list) return false;
  const makes = [...children.values()].filter((child) => child.children.size > 0).map(make);
  return new Set(makes).size < makes.length;
}

function make({ className, children }: Module): string {
  return className ?? [...children.keys()].join();
}
