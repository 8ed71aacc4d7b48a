import { OperationError } from '../graph/operation.ts';
import type { Address } from '../graph/ops.ts';
import type { Located } from '../lowering/address.ts';
import { OPERATION } from '../modules/operation-path.ts';
import type { TracedForward } from '../tracing/forward.ts';
import { type ModelMap, type Shapes, TypedModel } from './locate.ts';

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
    return this.areEdits && !this.runs(path) ? this.first : null;
  }

  override runs(path: string): boolean {
    return this.absence(path) === null;
  }

  override locate(address: Address): Located {
    const reason = address.port === 'parameter' ? null : this.absence(address.path);
    if (reason !== null) throw new OperationError(reason);
    return super.locate(address);
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
