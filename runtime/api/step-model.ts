import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import type { Located } from '../lowering/address.ts';
import { OPERATION } from '../modules/operation-path.ts';
import { nodePath } from '../modules/path-names.ts';
import type { TracedForward } from '../tracing/forward.ts';
import type { ModelMap } from './model-map.ts';
import { type Shapes, TypedModel } from './typed-model.ts';

/**
 * What a step of a generation runs after the first one: the decoder of an encoder-decoder. Its modules have the names that
 * they have in the whole model; those of the encoder, and what the decoder makes of its output once, ran in the first step.
 */
export class StepModel extends TypedModel {
  private readonly whole: ModelMap;
  private readonly first: TracedForward;
  private readonly uncached: ModelMap | null;
  private areEdits = false;

  /**
   * @param held the whole model, which users hold
   * @param first the first step
   * @param uncached the decoder without a cache, where this one has a cache; else null
   */
  constructor(
    map: ModelMap,
    shapes: Shapes,
    { held, first, uncached }: { held: ModelMap; first: TracedForward; uncached: ModelMap | null },
  ) {
    super(map, shapes);
    this.whole = held;
    this.first = first;
    this.uncached = uncached;
  }

  override get held(): ModelMap {
    return this.whole;
  }

  /** Runs edits: what they read of modules that ran in the first step is what these gave there, after the edits. */
  duringEdits(run: () => void): void {
    this.areEdits = true;
    try {
      run();
    } finally {
      this.areEdits = false;
    }
  }

  override ranBefore(path: string): TracedForward | null {
    return this.areEdits && this.absence(path) !== null ? this.first : null;
  }

  override has(address: Address): boolean {
    return this.absence(address.path) === null && this.isSameMain(address);
  }

  override readerOf(parameter: string, forward: TracedForward): TracedForward {
    return this.map.parameters.has(parameter) || this.map.transposed.has(parameter) ? forward : this.first;
  }

  /**
   * The main output of a module is its main output here, and so is its first input if it comes from the same place. Further
   * ones, and the inputs and outputs of the whole, are those of the same names, as far as these are the model's own.
   */
  override own(address: Address): Address {
    this.check(address.path);
    if (address.path !== '' && address.index === 0 && this.isSameMain(address)) return address;
    const name = this.whole.locate(address).tensor;
    const { model } = this.whole;
    const isNamed = !this.uncached || [...model.inputs, ...model.outputs].some((one) => one.name === name);
    const index = isNamed ? super.tensorsAt({ ...address, index: 0 }).indexOf(name) : -1;
    if (index >= 0) return { ...address, index };
    throw new OperationError(
      `${address.path || 'the model'}.${address.port}s[${address.index}] (${name}) is not there in later steps of a generation, or is another tensor. Take it in the first step`,
    );
  }

  override tensorsAt(address: Address): readonly string[] {
    this.check(address.path);
    return this.whole.locate(address)[address.port === 'input' ? 'inputs' : 'outputs'];
  }

  override locate(address: Address): Located {
    if (address.port !== 'parameter') this.check(address.path);
    return super.locate(address);
  }

  /** Whether the first input of a module comes from the same module as in the first step: a file does not tell which is PyTorch's. */
  private isSameMain(address: Address): boolean {
    if (address.port !== 'input') return true;
    const [here, there] = [this.map, this.whole].map((map) => {
      const { tensor } = map.locate(address);
      const maker = map.model.makerOf(tensor);
      return maker ? nodePath(maker) : tensor;
    });
    return here === there;
  }

  /** Throws an OperationError for what does not run in this step. */
  private check(path: string): void {
    const reason = this.absence(path);
    if (reason !== null) throw new OperationError(reason);
  }

  /** Why a module or operation does not run in this step; null if it does. */
  private absence(path: string): string | null {
    const [module = '', operation] = path.split(OPERATION);
    if (!this.map.has(module)) {
      const others = this.uncached?.has(module) ? '. With useCache: false it runs in each step' : '';
      return `'${module}' runs in the first step of a generation alone, and later steps go on from what it gave. Take it there: before the loop over the steps, or in one over iter(0)${others}`;
    }
    if (operation === undefined || (this.isSole(module, operation) && module !== '')) return null;
    if (module !== '' && !this.uncached) return null;
    const reason = this.uncached ? 'another decoder runs there, that with the cache' : 'the encoder does not run there';
    const others = this.uncached && module !== '' ? ', or use no cache: useCache: false' : '';
    return `the operations of later steps of a generation are counted anew, as ${reason}: '${path.replace(OPERATION, '.ops.')}' may be another one than in the first step. Take the output of a module, an operation that is the only one of its kind in its module${others}`;
  }

  /** Whether an operation is the only one of its kind in its module, here and in the whole model: then it is the same one. */
  private isSole(module: string, operation: string): boolean {
    return [this.map, this.whole].every((map) => {
      const alike = map.find(module).operations.filter(({ opType }) => opType === operation);
      return alike.length === 1;
    });
  }
}
