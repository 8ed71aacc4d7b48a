/** A process that runs programs for the command: one that hangs or dies takes only this process with it. */
import { smallest, tell, type Which } from './one.ts';
import type { Told } from './tally.ts';

/** Programs to run, each told of by a message, or one to make small. */
export type Task = { readonly run: readonly Which[] } | { readonly shrink: Which };
export type Answer = Told | { readonly small: string };

process.on('message', async (task: Task) => {
  const answer = (message: Answer) => process.send!(message);
  if ('shrink' in task) answer({ small: await smallest(task.shrink) });
  else for (const which of task.run) answer(await tell(which));
});
