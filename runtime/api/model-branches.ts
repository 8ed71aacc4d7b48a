import type { Address } from '../graph/ops.ts';
import { conditionsOf } from '../modules/counted-calls.ts';
import { operationPath } from '../modules/operation-path.ts';
import { branchOf } from '../onnx/branches/branch.ts';
import { saysWhetherRan } from '../onnx/branches/ran.ts';
import type { ModelMap } from './model-map.ts';

/** In which branches of the model's own conditionals and loops its tensors and modules are, and what says whether they run. */
export class ModelBranches {
  private readonly map: ModelMap;

  constructor(map: ModelMap) {
    this.map = map;
  }

  /** The branches of the model that the tensor at an address is made in, the outermost first: the values that say whether they run. */
  of(address: Address): readonly Address[] {
    const maker = this.map.model.makerOf(this.map.locate(address).tensor);
    return this.truths((maker && branchOf(maker)?.ran) ?? []);
  }

  /** The branches of the model that the module at an address runs in. */
  around(address: Address): readonly Address[] {
    return this.truths(conditionsOf(this.map.locate(address).nodes, this.map.model.graph));
  }

  /** Of a module in the last iteration of a loop that can be reached: the value that says whether the loop goes on. */
  goesOn(address: Address): Address | null {
    const { nodes } = this.map.locate(address);
    const more = nodes.flatMap((node) => branchOf(this.map.model.graph.node[node]!)?.more ?? []).at(-1);
    return more !== undefined && nodes.length > 0 && this.around(address).length > 0 ? this.truths([more])[0]! : null;
  }

  /** Whether the tensor at an address is the value that says whether a branch runs. */
  saysWhetherRan(address: Address): boolean {
    const maker = this.map.model.makerOf(this.map.locate(address).tensor);
    return maker !== undefined && saysWhetherRan(maker);
  }

  private truths(tensors: readonly string[]): Address[] {
    return tensors.map((tensor) => {
      const { name } = this.map.model.makerOf(tensor)!;
      return { path: operationPath('', name), port: 'output', index: 0, call: 0 };
    });
  }
}
