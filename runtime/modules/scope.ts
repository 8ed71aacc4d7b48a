/** Where a node stands in the module tree, as its file tells it. */
export interface Scope {
  /** Paths of the modules around the node that were called, from the outermost to its own; none for the root. */
  readonly modules: readonly string[];
  /** Python class of each of `modules`, and the root's, where the file tells. */
  readonly classes: ReadonlyMap<string, string>;
  /** Which call of the innermost module this is, where the name tells: TorchScript names later calls `cell_1`, `cell_2`. */
  readonly call: number | null;
}

/** The scope of what stands in no module. */
export const ROOT: Scope = { modules: [], classes: new Map(), call: null };

/** The innermost modules around two nodes. */
export function common(a: Scope, b: Scope): Scope {
  if (a === b) return a;
  const shared = a.modules.filter((path, i) => b.modules[i] === path);
  const isWhole = shared.length === a.modules.length && shared.length === b.modules.length && a.call === b.call;
  return { modules: shared, classes: a.classes, call: isWhole ? a.call : null };
}
