import type { LanguageModelMembers, ModelMembers } from '../types/model.ts';
import type { EnvoyMembers } from '../types/module.ts';

/**
 * The complete list of public members: every other name is that of a module or a parameter of the
 * model. A module that has the name of a member is reached with `get`. The type checker makes sure that there is one entry
 * for each member of the public types.
 */
type Names<T, Without = never> = Readonly<Record<Exclude<Extract<keyof T, string>, keyof Without>, true>>;

const OF_MODULES: Names<EnvoyMembers> = {
  calls: true,
  get: true,
  input: true,
  inputs: true,
  next: true,
  ops: true,
  output: true,
  outputs: true,
  path: true,
  skip: true,
  toString: true,
};

const OF_MODELS: Names<ModelMembers, EnvoyMembers> = {
  clearEdits: true,
  device: true,
  edit: true,
  execute: true,
  graph: true,
  release: true,
  scan: true,
  session: true,
  to: true,
  trace: true,
};

const OF_LANGUAGE_MODELS: Names<LanguageModelMembers, ModelMembers> = {
  chatText: true,
  config: true,
  generate: true,
  tokenizer: true,
};

/** `load` returns a promise of a model: with a `then`, the model would be taken for a promise itself and never arrive. */
const NEVER = 'then';

/** The names that every module has. */
export const MODULE_MEMBERS: ReadonlySet<string> = new Set(Object.keys(OF_MODULES));

/** The names that a model has. */
export const MODEL_MEMBERS: ReadonlySet<string> = new Set([...MODULE_MEMBERS, ...Object.keys(OF_MODELS), NEVER]);

/** The names that a language model has. */
export const LANGUAGE_MODEL_MEMBERS: ReadonlySet<string> = new Set([
  ...MODEL_MEMBERS,
  ...Object.keys(OF_LANGUAGE_MODELS),
]);

/** The members that can be set. */
export const SETTABLE: ReadonlySet<string> = new Set(['input', 'inputs', 'output', 'outputs']);

/** Whether a module of any model, or the model itself where the path is empty, has a member of a name. */
export function isMember(path: string, name: string): boolean {
  return (path === '' ? LANGUAGE_MODEL_MEMBERS : MODULE_MEMBERS).has(name);
}
