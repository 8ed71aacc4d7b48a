import { type KeyPart, keyOf } from '../graph/key.ts';
import type { Value } from '../graph/types.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { ranges } from './ranges.ts';
import { restoredFrom } from './restored.ts';

/** Some nodes of a model that run together, with the tensors that enter and leave them. */
export interface Fragment {
  /** Fragments of one model with equal keys are equal. */
  readonly key: string;
  /** Ascending, with those that make the constants and restore the quantized tensors that they need. */
  readonly nodes: readonly number[];
  readonly initializers: ReadonlySet<string>;
  /** The names of its inputs, and what each is fed: a tensor of the model, or a value that stands in for one. */
  readonly inputs: ReadonlyMap<string, string | Value>;
  readonly outputs: readonly string[];
  /** The inputs that have another name than the tensor they stand in for. */
  readonly aliases: ReadonlyMap<string, string>;
  /** The names under which nodes find what they read, where these differ. */
  readonly renamed: ReadonlyMap<number, ReadonlyMap<string, string>>;
  /** Whether what replaces tensors shows in its form: only some readers see it, or it stands in for what a fragment makes itself. */
  readonly isSpecial: boolean;
}

/** What a node reads for a tensor, where that is not the tensor itself. */
export type Replaced = (tensor: string, reader: number) => Value | undefined;

/**
 * Describes a fragment. A tensor that was replaced for all its readers is simply fed under its own name, so that fragments don't
 * depend on interventions; where some readers see the tensor and others what replaced it, the fragment has an input more.
 */
export function describeFragment(
  model: OnnxModel,
  nodes: readonly number[],
  outputs: readonly string[],
  replaced: Replaced,
): Fragment {
  const links = model.links;
  const taken = new Set(nodes);
  const reads: { tensor: string; reader: number; value: Value | undefined }[] = [];
  const isMadeAnew = (tensor: string) => links.constant.has(tensor) || restoredFrom(model, tensor) !== null;
  const pending = [...nodes];
  for (let next = 0; next < pending.length; next++) {
    const reader = pending[next]!;
    for (const tensor of links.reads[reader]!) {
      const value = replaced(tensor, reader);
      reads.push({ tensor, reader, value });
      const maker = links.maker.get(tensor);
      if (value || maker === undefined || taken.has(maker) || !isMadeAnew(tensor)) continue;
      taken.add(maker);
      pending.push(maker);
    }
  }
  const originals = new Set(reads.filter(({ value }) => !value).map(({ tensor }) => tensor));
  const inputs = new Map<string, string | Value>();
  const initializers = new Set<string>();
  for (const tensor of originals) {
    if (links.initializers.has(tensor)) initializers.add(tensor);
    else if (!taken.has(links.maker.get(tensor) ?? -1)) inputs.set(tensor, tensor);
  }
  const names = new Map<Value, Map<string, string>>();
  const aliases = new Map<string, string>();
  const renamed = new Map<number, Map<string, string>>();
  const marks: KeyPart[] = [];
  const used = new Set(originals);
  for (const { tensor, reader, value } of reads.sort((a, b) => a.reader - b.reader)) {
    if (!value) continue;
    const known = names.get(value) ?? new Map<string, string>();
    names.set(value, known);
    let name = known.get(tensor);
    if (name === undefined) {
      name = used.has(tensor) ? `onnsight/instead_${aliases.size}` : tensor;
      used.add(tensor);
      known.set(tensor, name);
      inputs.set(name, value);
      if (name !== tensor) aliases.set(name, tensor);
      else if (isMadeAnew(tensor)) marks.push(['free', tensor]);
    }
    if (name === tensor) continue;
    renamed.set(reader, (renamed.get(reader) ?? new Map()).set(tensor, name));
    marks.push([name, tensor, reader]);
  }
  return {
    key: keyOf('segment', ranges(nodes), outputs, marks),
    nodes: [...taken].sort((a, b) => a - b),
    initializers,
    inputs,
    outputs,
    aliases,
    renamed,
    isSpecial: marks.length > 0,
  };
}
