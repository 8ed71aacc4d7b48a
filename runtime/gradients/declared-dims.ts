import type { ValueInfoProto } from '../onnx/proto.ts';
import type { Dims, Facts } from './facts.ts';

/** The sizes that the declaration of a tensor tells; null where it does not even tell how many there are. */
export function declaredDims({ type }: ValueInfoProto, facts: Facts): Dims {
  const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
  return (
    shape?.dim.map(({ value }) => {
      if (value.case === 'dimValue') return Number(value.value);
      return value.case === 'dimParam' && value.value !== '' ? value.value : facts.symbol();
    }) ?? null
  );
}
