/** Where a node stands in the module tree, as its file tells it. */
export interface Scope {
  /** Paths of the modules around the node that were called, from the outermost to its own; none for the root. */
  readonly modules: readonly string[];
  /** Python class of each of `modules`, and the root's, where the file tells. */
  readonly classes: ReadonlyMap<string, string>;
  /** Which call of the innermost module this is, where the name tells: TorchScript names later calls `cell_1`, `cell_2`. */
  readonly call: number | null;
}
