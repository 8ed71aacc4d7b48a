import type { Address } from '../graph/ops.ts';
import type { Locate } from '../lowering/address.ts';
import { conditionsOf } from '../modules/counted-calls.ts';
import { operationPath } from '../modules/operation-path.ts';
import { branchOf } from '../onnx/branches/branch.ts';
import { saysWhetherRan } from '../onnx/branches/ran.ts';
import type { OnnxModel } from '../onnx/model.ts';

/** In which branches of the model's own conditionals and loops its tensors and modules are, and what says whether they run. */
export class ModelBranches {
  private readonly model: OnnxModel;
  private readonly locate: Locate;
  /** Whether there are any. */
  private readonly exist: boolean;

  constructor(model: OnnxModel, locate: Locate) {
    this.model = model;
    this.locate = locate;
    this.exist = model.graph.node.some((node) => branchOf(node) !== null || saysWhetherRan(node));
  }

  /** The branches of the model that the tensor at an address is made in, the outermost first: the values that say whether they run. */
  of(address: Address): readonly Address[] {
    if (!this.exist) return [];
    const maker = this.model.makerOf(this.locate(address).tensor);
    return this.truths((maker && branchOf(maker)?.ran) ?? []);
  }

  /** The branches of the model that the module at an address runs in. */
  around(address: Address): readonly Address[] {
    if (!this.exist) return [];
    return this.truths(conditionsOf(this.locate(address).nodes, this.model.graph));
  }

  /** Of a module in the last iteration of a loop that can be reached: the value that says whether the loop goes on. */
  goesOn(address: Address): Address | null {
    if (!this.exist) return null;
    const { nodes } = this.locate(address);
    const more = nodes.flatMap((node) => branchOf(this.model.graph.node[node]!)?.more ?? []).at(-1);
    return more !== undefined && nodes.length > 0 && this.around(address).length > 0 ? this.truths([more])[0]! : null;
  }

  /** Whether the tensor at an address is the value that says whether a branch runs. */
  saysWhetherRan(address: Address): boolean {
    if (!this.exist) return false;
    const maker = this.model.makerOf(this.locate(address).tensor);
    return maker !== undefined && saysWhetherRan(maker);
  }

  private truths(tensors: readonly string[]): Address[] {
    return tensors.map((tensor) => {
      const { name } = this.model.makerOf(tensor)!;
      return { path: operationPath('', name), port: 'output', index: 0, call: 0 };
    });
  }
}
