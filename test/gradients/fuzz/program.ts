import { Random } from '../../compiler/fuzz/random.ts';

/** A step of a random block: what it does with the tensor that the block works on, and with how much of what. */
export interface Step {
  readonly kind: Kind;
  /** A number between 0.2 and 1. */
  readonly by: number;
  /** A row or a column. */
  readonly at: number;
  /** What the sides of a conditional, or the body of a loop, do. */
  readonly then: readonly Step[];
  readonly otherwise: readonly Step[];
}

const POINTWISE = [
  'tanh',
  'sin',
  'sigmoid',
  'gelu',
  'silu',
  'softplus',
  'exp',
  'square',
  'relu',
  'abs',
  'sqrt',
] as const;
const TOGETHER = ['times', 'over', 'maximum', 'where', 'clamp', 'lerp'] as const;
const ALONG = ['softmax', 'logSoftmax', 'layerNorm', 'normalize', 'cumsum', 'std', 'max', 'sort'] as const;
const MOVED = ['flip', 'transposed', 'cat', 'gather', 'scatterAdd', 'matmul'] as const;
const WRITTEN = ['columns', 'row', 'strided', 'masked', 'tracedRow', 'view'] as const;
const MODULES = ['layer1', 'layer2'] as const;
const NESTED = ['if', 'rows', 'while', 'for'] as const;

export const KINDS = [...POINTWISE, ...TOGETHER, ...ALONG, ...MOVED, ...WRITTEN, ...MODULES, ...NESTED];
export type Kind = (typeof KINDS)[number];

const NESTING: ReadonlySet<Kind> = new Set(NESTED);
const DEEPEST = 2;

/** The steps of a block: the same for the same seed. */
export function programOf(seed: number): readonly Step[] {
  const random = new Random(seed);
  return steps(random, 2 + random.below(5), 0);
}

function steps(random: Random, count: number, depth: number): readonly Step[] {
  return Array.from({ length: count }, () => step(random, depth));
}

function step(random: Random, depth: number): Step {
  const kind = random.pick(depth < DEEPEST ? KINDS : KINDS.filter((one) => !NESTING.has(one)));
  const inner = () => (NESTING.has(kind) ? steps(random, 1 + random.below(2), depth + 1) : []);
  return { kind, by: 0.2 + random.below(80) / 100, at: random.below(10), then: inner(), otherwise: inner() };
}

/** A program as it is told. */
export function written(program: readonly Step[]): string {
  return program
    .map(({ kind, by, at, then, otherwise }) => {
      const inside =
        then.length > 0 ? ` { ${written(then)} }${kind === 'if' ? ` else { ${written(otherwise)} }` : ''}` : '';
      return `${kind}(${by}, ${at})${inside}`;
    })
    .join('; ');
}
