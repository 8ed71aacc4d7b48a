import { isStandard } from './domains.ts';
import { makeGraph, makeModelLike } from './make.ts';
import type { ModelProto } from './proto.ts';
import { renameAll } from './rename.ts';

/** What a tensor of the second of two models is called where they are one. */
export function nameInSecond(name: string): string {
  return `onnsight/joined/${name}`;
}

/**
 * Two models as one, which gives what the second one gives; null where they are written for different operator sets.
 * @param handed by inputs of the second model the tensors of the first one that they are
 */
export function joinedModels(
  first: ModelProto,
  second: ModelProto,
  handed: ReadonlyMap<string, string>,
): ModelProto | null {
  const versions = new Map(first.opsetImport.map((one) => [domainOf(one), one.version]));
  const others = second.opsetImport.filter((one) => !versions.has(domainOf(one)));
  const isEqual = second.opsetImport.every((one) => (versions.get(domainOf(one)) ?? one.version) === one.version);
  if (!isEqual || second.functions.length > 0 || second.irVersion > first.irVersion) return null;
  const behind = renameAll(second.graph!, (name) => handed.get(name) ?? nameInSecond(name));
  const given = new Set(handed.values());
  const { graph } = first;
  const joined = makeGraph(
    'onnsight',
    [...graph!.node, ...behind.node],
    [...graph!.input, ...behind.input.filter(({ name }) => !given.has(name))],
    behind.output,
    [...graph!.initializer, ...behind.initializer],
  );
  return makeModelLike({ ...first, opsetImport: [...first.opsetImport, ...others] }, joined);
}

function domainOf(set: { readonly domain?: string }): string {
  return isStandard(set) ? '' : (set.domain ?? '');
}
