import { fileURLToPath } from 'node:url';
import { type AnyTensor, add, double, grad, mul, NNsight, save, sum, Tensor, tensor } from 'onnsight';
import { Random } from '../../compiler/fuzz/random.ts';
import { type Modules, perform } from './perform.ts';
import type { Step } from './program.ts';

const path = fileURLToPath(new URL('../../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const inputs = {
  x: [
    [0.1, -0.4, 0.3, 0.8, -0.2],
    [0.5, 0.2, -0.7, 0.1, 0.6],
  ],
};

export const load = () => NNsight.load(path, { device: 'cpu' });
type Model = Awaited<ReturnType<typeof load>>;

/** How a block's gradients and the differences of its results compare. */
export interface Compared {
  /** `jumps`: it has no derivative here, the differences tell: a conditional changes sides, or two elements their order. */
  readonly kind: 'equal' | 'different' | 'jumps' | 'broken';
  readonly message: string;
}

/** How far a gradient may be from the difference, relative to the larger of it and the loss; modules compute in float32. */
const TOLERANCE = 2e-3;
const STEP = 1e-3;

type Doubles = Tensor<'float64'>;

interface Operands {
  readonly p: Doubles;
  readonly q: Doubles;
  readonly w: Doubles;
}

/** Takes the gradients of a block, and the differences in some directions of its operands, which the seed makes. */
export async function compare(model: Model, program: readonly Step[], seed: number): Promise<Compared> {
  try {
    const message = await differ(model, program, seed);
    if (message === null) return { kind: 'jumps', message: '' };
    return { kind: message === '' ? 'equal' : 'different', message };
  } catch (error) {
    return { kind: 'broken', message: error instanceof Error ? error.message : String(error) };
  }
}

/** Leaves out steps as long as a program stays wrong. */
export async function small(
  program: readonly Step[],
  isWrong: (program: readonly Step[]) => Promise<boolean>,
): Promise<readonly Step[]> {
  for (const [i, step] of program.entries()) {
    const [before, behind] = [program.slice(0, i), program.slice(i + 1)];
    for (const instead of [[], step.then, step.otherwise]) {
      const fewer = [...before, ...instead, ...behind];
      if (fewer.length > 0 && (await isWrong(fewer))) return small(fewer, isWrong);
    }
  }
  return program;
}

/** Empty where the gradients are right; null where there are none. */
async function differ(model: Model, program: readonly Step[], seed: number): Promise<string | null> {
  const random = new Random(seed);
  const drawn = (...dims: number[]) => numbers(random, dims);
  const [p, q, w] = [drawn(2, 10), drawn(10), drawn(2, 10)];
  const found = await run(model, program, { p, q, w });
  for (const way of ['p', 'q', 'both']) {
    const by = { p: way === 'q' ? scaled(p, 0) : drawn(2, 10), q: way === 'p' ? scaled(q, 0) : drawn(10) };
    const at = async (step: number) =>
      (await run(model, program, { p: moved(p, by.p, step), q: moved(q, by.q, step), w })).loss;
    const slope = dot(found.p, by.p) + dot(found.q, by.q);
    const [near, far] = [(await at(STEP)) - (await at(-STEP)), (await at(2 * STEP)) - (await at(-2 * STEP))];
    const allowed = TOLERANCE * Math.max(1, Math.abs(slope), Math.abs(found.loss));
    const [narrow, wide] = [near / (2 * STEP), far / (4 * STEP)];
    if (Math.abs(narrow - wide) > allowed / 2) return null;
    const difference = (4 * narrow - wide) / 3;
    if (!(Math.abs(slope - difference) <= allowed)) return `by ${way}: ${slope}, the difference is ${difference}`;
  }
  return '';
}

/** The loss, and the gradients of it by what the block starts from and by its operand. */
async function run(model: Model, program: readonly Step[], { p, q, w }: Operands) {
  const { loss, gradients } = await model.trace(inputs, () => {
    const [first, second] = [tensor(p), tensor(q)];
    const modules: Modules = { layer1: (x) => model.layer1(x), layer2: (x) => model.layer2(x) };
    const loss = sum(mul(perform(program, add(double(model.layer1.output), first), second, modules), w));
    const gradients = grad(loss, [first, second], { materializeGrads: true });
    return { loss: save(loss), gradients: gradients.map((gradient) => save(gradient)) };
  });
  const [byP, byQ] = gradients;
  return { loss: loss.item(), p: byP!, q: byQ! };
}

function numbers(random: Random, dims: readonly number[]): Doubles {
  const count = dims.reduce((product, size) => product * size, 1);
  return Tensor.from(
    Array.from({ length: count }, () => random.below(2001) / 1000 - 1),
    'float64',
    [...dims],
  );
}

const elements = ({ data }: AnyTensor) => Array.from(data as ArrayLike<number>, Number);

function moved(x: Doubles, by: Doubles, step: number): Doubles {
  const steps = elements(by);
  return Tensor.from(
    elements(x).map((value, i) => value + step * steps[i]!),
    'float64',
    [...x.dims],
  );
}

function scaled(x: Doubles, factor: number): Doubles {
  return Tensor.from(
    elements(x).map((value) => value * factor),
    'float64',
    [...x.dims],
  );
}

function dot(a: AnyTensor, b: AnyTensor): number {
  const others = elements(b);
  return elements(a).reduce((sum, value, i) => sum + value * others[i]!, 0);
}
