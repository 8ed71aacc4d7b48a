/** A module of the original network, as the names in an ONNX file describe it. */
export interface Module {
  /** Dotted, as PyTorch writes it (`transformer.h.0`); '' for the root. */
  readonly path: string;
  /** The last part of the path. */
  readonly name: string;
  /** Its Python class without the package, where the file tells (`GPT2Block`). */
  readonly className: string | null;
  /** The line of Python that made its first own operation, where the file tells: `FILE:LINE: CODE`. */
  readonly sourceLine: string | null;
  /** Whether its children are numbered 0 to n-1: a ModuleList or a Sequential. */
  readonly list: boolean;
  readonly children: ReadonlyMap<string, Module>;
  /** In the order they ran; empty for a module that is never called itself (a ModuleList) or was fused into another one. */
  readonly calls: readonly ModuleCall[];
  /** What happened to a module that no longer has nodes of its own. */
  readonly note: ModuleNote | null;
  /** Its own and its children's nodes, constants aside, in the order they run. */
  readonly operations: readonly Operation[];
}

/**
 * Whether the order is known in which a module returns several activations. `pooled`: only what its pooler made is used, but
 * PyTorch may return what is pooled before that. `listed`: only the last of its layers' tensors is used, but PyTorch may return
 * a list of them all. `cut`: products that the file no longer tells the modules of follow, and may stand in this one.
 */
export type ReturnOrder = 'sure' | 'unknown' | 'pooled' | 'listed' | 'cut';

/** One run of a module. */
export interface ModuleCall {
  /** Names of the tensors that leave it, the main one first. */
  readonly outputs: readonly string[];
  /** What tells their order. */
  readonly order: ReturnOrder;
  /** Whether products that the file no longer tells the modules of make what enters it, and may stand in it. */
  readonly isCut?: true;
  /** Names of the tensors that enter it, weights and constants aside: floating-point ones first, each kind in the order of use. */
  readonly inputs: readonly string[];
  /** Indices into `graph.node`, ascending; without the nodes that make constants, unless the module makes nothing else. */
  readonly nodes: readonly number[];
}

/**
 * `identity`: the module (a dropout) does nothing at inference; its calls have no nodes, and their output is their input.
 * `fused`: the exporter has folded the module into another, so its own output is no longer computed; `into` is the
 * other one's path, null where the file has no name for it, and `node` what reads its parameter. `inside`: it runs in a branch or body of a node of the model.
 * `uncounted`: it runs in some branches of the model, so that only a run tells which of its calls is the first.
 */
export type ModuleNote =
  | { readonly kind: 'identity' }
  | { readonly kind: 'fused'; readonly into: string | null; readonly node?: number }
  | { readonly kind: 'inside'; readonly node: number; readonly opType: string }
  | { readonly kind: 'uncounted' };

/** A node, by a name that counts within its module: `MatMul`, `MatMul_1`. */
export interface Operation {
  readonly name: string;
  readonly opType: string;
  /** Index into `graph.node`. */
  readonly node: number;
}

/** The name of the first operation of each kind. */
export function firstNames(operations: readonly Operation[]): string[] {
  const first = new Map<string, string>();
  for (const { name, opType } of operations) if (!first.has(opType)) first.set(opType, name);
  return [...first.values()];
}

/** Every module of a tree, each before its children. */
export function* walk<M extends Module>(module: M): Generator<M> {
  yield module;
  for (const child of module.children.values()) yield* walk(child as M);
}
