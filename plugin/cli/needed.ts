import { type Command, Option } from 'commander';

/* What commander calls a required option it asks for before it tells of a misspelt one: `--outt` would be "--out is missing". */

const all = new WeakSet<Option>();

/** An option that its command cannot do without. */
export function needed(flags: string, description: string): Option {
  const option = new Option(flags, description);
  all.add(option);
  return option;
}

/** Ends the program where an option is missing that a command needs. */
export function checkNeeded(command: Command): void {
  const missing = command.options.find(
    (one) => all.has(one) && command.getOptionValue(one.attributeName()) === undefined,
  );
  if (missing) command.error(`error: required option '${missing.flags}' not specified`);
}
