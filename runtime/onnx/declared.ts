import type { ValueInfoProto } from './proto.ts';

/** The ONNX element type that is declared, 0 where none is. */
export function elementTypeOf({ type }: ValueInfoProto): number {
  return type?.value.case === 'tensorType' ? type.value.value.elemType : 0;
}

/** Whether it is declared how many dimensions there are. */
export function hasShape({ type }: ValueInfoProto): boolean {
  return type?.value.case === 'tensorType' && type.value.value.shape !== undefined;
}
