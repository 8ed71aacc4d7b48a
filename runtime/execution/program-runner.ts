import type { SessionTensors } from '../ort/port.ts';
import type { Program } from '../partition/plan.ts';

/** Runs programs, in this thread or another one. */
export interface ProgramRunner {
  /**
   * Runs a program and gives the outputs with these names. `built` is told how long compiling it took, if it had to be.
   * Rejects with a ProgramError where it cannot be compiled.
   */
  run(
    program: Program,
    feeds: SessionTensors,
    outputs: readonly string[],
    built?: (milliseconds: number) => void,
  ): Promise<SessionTensors>;
}

/** A program could not be compiled. */
export class ProgramError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
