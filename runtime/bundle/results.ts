import { foldEntries, splitEntries } from '../tensor/entries.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { ListOutputs, Returns } from './manifest-types.ts';

/** The value that the block returned, made of the outputs of a run. */
export function resultsOf(returns: Returns, outputs: ReadonlyMap<string, Tensor>): unknown {
  const at = (name: string) => outputs.get(name)!;
  const entries = ({ data, shapes, ranks }: ListOutputs) => splitEntries(at(data), at(shapes), at(ranks));
  const build = (one: Returns): unknown => {
    switch (one.kind) {
      case 'tensor':
        return at(one.output);
      case 'saved':
        return foldEntries(entries(one.list), one.loop);
      case 'entries':
        return entries(one.list);
      case 'array':
        return one.items.flatMap((item) => (item.kind === 'entries' ? entries(item.list) : [build(item)]));
      case 'object':
        return Object.fromEntries(Object.entries(one.fields).map(([key, field]) => [key, build(field)]));
      case 'choice':
        return build(at(one.test).item() ? one.then : one.else);
      case 'value':
        return one.value;
      case 'number':
        return Number(one.value);
    }
  };
  return build(returns);
}

/** The outputs that the results are made of. */
export function outputsIn(returns: Returns): string[] {
  switch (returns.kind) {
    case 'tensor':
      return [returns.output];
    case 'saved':
    case 'entries':
      return [returns.list.data, returns.list.shapes, returns.list.ranks];
    case 'array':
      return returns.items.flatMap(outputsIn);
    case 'object':
      return Object.values(returns.fields).flatMap(outputsIn);
    case 'choice':
      return [returns.test, ...outputsIn(returns.then), ...outputsIn(returns.else)];
    case 'value':
    case 'number':
      return [];
  }
}
