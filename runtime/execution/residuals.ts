import type { SessionTensor } from '../ort/port.ts';
import type { Dispatch, Plan } from '../partition/plan.ts';
import type { BackwardPrograms } from './backward-programs.ts';

/** What tells which of a program's tensors are worth keeping. */
type Keeper = Pick<BackwardPrograms, 'residuals' | 'withResiduals'>;

/** What a run keeps for a backward pass besides what its plan gives: what would take long to compute again. */
export class Residuals {
  private readonly programs: Keeper;
  private registers: number;
  /** How many bytes may still be kept; what does not fit is computed again. */
  private left: number;

  constructor({ registers }: Plan, programs: Keeper, limit: number) {
    this.registers = registers;
    this.programs = programs;
    this.left = limit;
  }

  /** A dispatch of the plan that also gives what is worth keeping, in registers of its own. */
  extended(dispatch: Dispatch): Dispatch {
    const names = this.left > 0 ? this.programs.residuals(dispatch.program) : [];
    if (names.length === 0) return dispatch;
    const kept = names.map((name) => ({ name, register: this.registers++ }));
    const program = this.programs.withResiduals(dispatch.program);
    return { ...dispatch, program, fetches: [...dispatch.fetches, ...kept] };
  }

  /** Counts what a dispatch gave besides what it gives in the plan. */
  count({ fetches }: Dispatch, given: Dispatch, registers: readonly (SessionTensor | undefined)[]): void {
    for (const { register } of fetches.slice(given.fetches.length)) this.left -= registers[register]!.data.byteLength;
  }
}
