import { existsSync, readFileSync } from 'node:fs';
import {
  cos,
  crossEntropy,
  cumsum,
  flatten,
  grad,
  logSoftmax,
  max,
  NNsight,
  norm,
  onesLike,
  save,
  sum,
  type Tensor,
  type Traced,
  topk,
} from 'onnsight';
import { type Entry, type Input, tensorsOf } from '../reference.ts';

/** What PyTorch's hooks see at one call of a module: the tensor, and its gradient; none where the loss does not depend on it. */
interface Seen {
  readonly value: Entry | null;
  readonly grad: Entry | null;
}

type Calls = Readonly<Record<string, readonly (Seen | null)[]>>;

interface Loss {
  readonly loss: number;
  readonly given: Calls;
  readonly gave: Calls;
  readonly inputs: Readonly<Record<string, Entry | null>>;
  readonly parameters: Readonly<Record<string, Entry | null>>;
}

/** What test/tools/published_gradients.py writes of one way to call a model. */
interface Run {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly output: Entry;
  readonly hidden: string | null;
  readonly losses: Readonly<Record<string, Loss>>;
}

/** A tensor of which the gradient is taken, and what PyTorch has of it. */
interface Place {
  readonly name: string;
  readonly read: () => Traced;
  readonly seen: Seen;
}

/** Kinds of files whose numbers are PyTorch's own, and those in half precision. */
const CLOSE: Readonly<Record<string, number>> = {
  fp32: 1e-4,
  dynamo: 1e-4,
  slim: 1e-4,
  extended: 1e-4,
  all: 1e-4,
  optimizer: 1e-4,
  merged: 1e-4,
  'genai-fp32': 1e-4,
  fp16: 5e-2,
  'genai-fp16': 5e-2,
};

/** A tensor is another one than PyTorch's where its values are so far apart. */
const SAME = 1e-3;

/** How the gradients of a file agree with PyTorch's: so many of so many. */
export interface Agreement {
  right: number;
  all: number;
  /** The largest distance of those that are right, of the largest element. */
  far: number;
  readonly wrong: string[];
  readonly refused: Map<string, string[]>;
  /** Tensors that are others than PyTorch's in this file. */
  readonly others: string[];
  /** Those that PyTorch says to be none. */
  readonly more: string[];
}

/** Compares the gradients of a file with PyTorch's, for each loss and each way to call the model. */
export async function gradientsOf(folder: string, kind: string, only?: readonly string[]): Promise<Agreement> {
  const path = [`${folder}/${kind}/model.onnx`, `${folder}/${kind}.onnx`].find(existsSync) ?? `${folder}/${kind}`;
  const bytes = readFileSync(`${folder}/grads.bin`);
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const runs: Readonly<Record<string, Run>> = JSON.parse(readFileSync(`${folder}/grads.json`, 'utf8'));
  const agreement: Agreement = { right: 0, all: 0, far: 0, wrong: [], refused: new Map(), others: [], more: [] };
  const model = await NNsight.load(path, { device: 'cpu' });
  const named = kind.startsWith('genai') ? builderName : (one: string) => one;
  for (const [way, run] of Object.entries(runs)) {
    const inputs = tensorsOf(run.inputs);
    for (const [name, loss] of Object.entries(run.losses)) {
      if (only && !only.includes(name)) continue;
      const places = placesOf(model, loss, kind in CLOSE, named, agreement, `${way} ${name}`);
      const made = () => lossOf(model, name, run.output.dims, run.hidden && named(run.hidden));
      const pairs = (some: readonly Place[]) =>
        model.trace(inputs, () => {
          const tensors = some.map(({ read }) => read());
          const gradients = grad(made(), tensors, { materializeGrads: true });
          return tensors.map((tensor, i) => [save(tensor), save(gradients[i]!)] as const);
        }) as unknown as Promise<readonly (readonly [Tensor, Tensor])[]>;
      const check = ({ name: place, seen }: Place, [value, gradient]: readonly [Tensor, Tensor]) => {
        const where = `${way} ${name} ${place}`;
        if (seen.value && farOf(value, seen.value, numbers) > (kind === 'fp32' ? SAME : 0.3)) {
          agreement.others.push(`${where} [${value.dims}] [${seen.value.dims}]`);
          return;
        }
        agreement.all++;
        const far = farOf(gradient, seen.grad, numbers);
        if (!seen.grad && far > 0) {
          agreement.more.push(where);
          return;
        }
        const near = CLOSE[kind] ?? 0.5;
        if (far <= near) {
          agreement.right++;
          agreement.far = Math.max(agreement.far, far);
        } else
          agreement.wrong.push(
            `${where}: ${far.toPrecision(3)} [${gradient.dims}] ${seen.grad && `[${seen.grad.dims}]`}`,
          );
      };
      const refuse = (where: string, error: unknown) => {
        const words = messageOf(error);
        agreement.refused.set(words, [...(agreement.refused.get(words) ?? []), `${way} ${name} ${where}`]);
      };
      const compare = async (some: readonly Place[]): Promise<void> => {
        let found: readonly (readonly [Tensor, Tensor])[];
        try {
          found = await pairs(some);
        } catch (error) {
          if (some.length === 1) {
            agreement.all++;
            refuse(some[0]!.name, error);
            return;
          }
          // In halves, to tell which.
          const middle = Math.ceil(some.length / 2);
          await compare(some.slice(0, middle));
          await compare(some.slice(middle));
          return;
        }
        for (const [i, place] of some.entries()) check(place, found[i]!);
      };
      await compare(kind in CLOSE ? places : places.filter((_, i) => i % 12 === 0));
    }
  }
  return agreement;
}

function placesOf(
  model: NNsight,
  loss: Loss,
  isExact: boolean,
  named: (path: string) => string,
  agreement: Agreement,
  where: string,
): Place[] {
  const places: Place[] = [];
  const add = (name: string, seen: Seen, read: () => unknown) => {
    try {
      read();
    } catch (error) {
      const words = `(no place) ${messageOf(error)}`;
      agreement.refused.set(words, [...(agreement.refused.get(words) ?? []), `${where} ${name}`]);
      return;
    }
    places.push({ name, seen, read: read as () => Traced });
  };
  for (const [kind, all] of [
    ['output', loss.gave],
    ['input', loss.given],
  ] as const)
    for (const [path, calls] of Object.entries(all)) {
      let count: number;
      try {
        count = model.get(named(path)).calls.length;
      } catch (error) {
        const words = `(no place) ${messageOf(error).replace(/^no module.*/, 'no module')}`;
        agreement.refused.set(words, [...(agreement.refused.get(words) ?? []), `${where} ${path}.${kind}`]);
        continue;
      }
      if (count !== calls.length) {
        agreement.others.push(`${where} ${path}.${kind}: ${count} calls, ${calls.length} in PyTorch`);
        continue;
      }
      calls.forEach((seen, call) => {
        if (!seen?.value) return;
        places.push({
          name: `${path}.${kind}${call > 0 ? ` call ${call}` : ''}`,
          seen,
          read: () => model.get(named(path)).calls[call]![kind] as Traced,
        });
      });
    }
  for (const [input, grad] of Object.entries(loss.inputs))
    places.push({ name: `inputs.${input}`, seen: { value: null, grad }, read: () => model.inputs[input] as Traced });
  if (isExact)
    for (const [parameter, grad] of Object.entries(loss.parameters)) {
      const path = parameter.replace(/^(.*)(?=\.[^.]+$)/, named);
      add(parameter, { value: null, grad }, () => model.get(path));
    }
  return places;
}

function lossOf(model: NNsight, name: string, dims: readonly number[], hidden: string | null): Traced {
  'use trace';
  const output = model.output as unknown as Traced;
  const size = dims.at(-1)!;
  const rows = output.view(-1, size) as Traced;
  const count = dims.reduce((a, b) => a * b) / size;
  switch (name) {
    case 'weighted': {
      const flat = flatten(output);
      return sum(flat * cos(cumsum(onesLike(flat), 0) - 1)) as unknown as Traced;
    }
    case 'difference':
      return (rows[`-1, ${size - 1}`] - rows['-1, 0']) as unknown as Traced;
    case 'crossEntropy':
      return crossEntropy(
        rows,
        Array.from({ length: count }, (_, i) => i % size),
      );
    case 'logSoftmax':
      return sum(logSoftmax(rows, -1)[':, -1']);
    case 'max':
      return sum(max(rows, -1).values);
    case 'topk': {
      const { values } = topk(rows, Math.min(2, size), -1);
      return size > 1
        ? (sum((values as unknown as number) * ([1, 2] as unknown as number)) as unknown as Traced)
        : sum(values);
    }
    case 'norm':
      return norm((model.get(hidden!) as unknown as { output: Traced }).output);
    default:
      throw new Error(name);
  }
}

/** The largest difference, of the largest element, or the difference's norm of the norm, whichever is less. */
function farOf({ dims, data }: Tensor, expected: Entry | null, numbers: Float32Array): number {
  const found = Float64Array.from(data as ArrayLike<number>, Number);
  if (found.some(Number.isNaN)) return Number.NaN;
  if (!expected) return Math.max(0, ...found.map(Math.abs)) < 1e-6 ? 0 : Number.POSITIVE_INFINITY;
  if (dims.join() !== expected.dims.join()) return Number.POSITIVE_INFINITY;
  const values = numbers.subarray(expected.at, expected.at + expected.n);
  const differences = found.map((value, i) => value - values[i]!);
  const largest = differences.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const scale = values.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  const length = (all: ArrayLike<number>) => Math.sqrt(Array.from(all).reduce((total, one) => total + one * one, 0));
  // What is 0 but for rounding is not the same 0 anywhere.
  if (largest < 2e-6) return 0;
  return Math.min(largest / (scale || 1e-9), length(differences) / (length(values) || 1e-9));
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Without the place of this program.
  return error.message
    .replace(/^\S+:\d+:\d+ - /, '')
    .split('\n')[0]!
    .replaceAll(/ \(\S+:\d+:\d+\)/g, '');
}

/** The names that the builders of onnxruntime-genai give modules, by PyTorch's. */
function builderName(module: string): string {
  return module.replace('.self_attn', '.attn').replace(/^model\.norm$/, 'model.final_norm_layernorm');
}

/** An agreement in lines. */
export function toldOf({ right, all, far, wrong, refused, others, more }: Agreement): string {
  const lines = [
    `${right}/${all} right, at most ${far.toExponential(1)} off, ${others.length} other tensors, ${more.length} without a gradient in PyTorch`,
    ...wrong.map((one) => `WRONG ${one}`),
    ...Array.from(refused, ([words, places]) => `${places.length} x ${places[0]}: ${words.slice(0, 300)}`),
  ];
  return lines.join('\n    ');
}
