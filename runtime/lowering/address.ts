import type { Address } from '../graph/ops.ts';

/** Where an address leads in an ONNX graph. */
export interface Located {
  /** The tensor's name. */
  readonly tensor: string;
  /**
   * For an input: the nodes of the module, which alone see it replaced. For a call: what runs. For a parameter: those that read
   * its tensor as another parameter.
   */
  readonly nodes: readonly number[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export type Locate = (address: Address) => Located;
