import { AsyncLocalStorage } from 'node:async_hooks';
import type { BuiltTrace } from './finish-trace.ts';

/*
 * What a branch leaves in a variable or object from outside is known when its trace has run. In JavaScript blocks run one
 * after the other, so that each sees what those before it have left: where that is not known yet, the next one waits.
 */

/** The traces of which only the run tells what they leave outside. */
const open = new Set<Turn>();

/** The trace in whose run code of the user runs: functions of `apply`, `onToken`. It has to go on for that trace to end. */
const around = new AsyncLocalStorage<Turn>();

/** One trace among those at once. */
export class Turn {
  private readonly outer: Turn | null = around.getStore() ?? null;
  private readonly ended: Promise<void>;
  private tellEnd!: () => void;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.tellEnd = resolve;
    });
  }

  /** Records a trace as soon as it is known what others leave: nothing comes between that and this. */
  async build<B extends BuiltTrace | null>(record: () => B): Promise<B> {
    for (let other = this.other(); other; other = this.other()) await other.ended;
    const built = record();
    if (built?.leavesOpen) open.add(this);
    return built;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return open.has(this) ? around.run(this, work) : work();
  }

  end(): void {
    open.delete(this);
    this.tellEnd();
  }

  private other(): Turn | undefined {
    return [...open].find((one) => !this.isInside(one));
  }

  private isInside(one: Turn): boolean {
    return this.outer !== null && (this.outer === one || this.outer.isInside(one));
  }
}

/** Builds a trace when its turn has come, and runs it. */
export async function inTurn<B, T>(build: (turn: Turn) => Promise<B>, run: (built: B) => Promise<T>): Promise<T> {
  const turn = new Turn();
  try {
    const built = await build(turn);
    return await turn.run(() => run(built));
  } finally {
    turn.end();
  }
}
