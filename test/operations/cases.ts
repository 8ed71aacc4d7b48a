import { readFileSync } from 'node:fs';
import { schemas } from '../../runtime/graph/op-schemas.ts';
import type { AttributesOf, TensorOp } from '../../runtime/graph/ops.ts';
import type { DType } from '../../runtime/graph/types.ts';

export interface Recorded {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** NaN, infinities and large integers are strings. */
  readonly data: readonly (number | string)[];
}

/** One operation on given inputs, with what PyTorch gave, or the error that it raised. */
export interface Case {
  readonly op: TensorOp;
  readonly inputs: readonly Recorded[];
  readonly attributes: AttributesOf<TensorOp>;
  readonly outputs?: readonly Recorded[];
  readonly error?: string;
  /** Whether the lowering may depend on known sizes. */
  readonly readsSizes?: boolean;
}

const path = new URL('../fixtures/operations.json', import.meta.url);

const recorded = (JSON.parse(readFileSync(path, 'utf8')) as readonly Case[]).map((one) => ({
  ...one,
  attributes: schemas[one.op].parse(one.attributes),
}));

/** The recorded cases by operation; test/tools/operations_fixtures.py makes them. */
export const casesByOperation: ReadonlyMap<TensorOp, readonly Case[]> = new Map(
  recorded.map(({ op }) => [op, recorded.filter((one) => one.op === op)]),
);

/** A case in short: its inputs and attributes. */
export function title({ inputs, attributes }: Case): string {
  const types = inputs.map(({ dtype, dims, data }) => `${dtype}[${dims}]${data.length <= 2 ? `{${data}}` : ''}`);
  return `${types.join(' ')} ${JSON.stringify(attributes)}`;
}
