/**
 * `npx tsx test/published/operator-tests.ts <folder>`: ONNX's own operator tests (Debian's libonnx-testdata, or
 * `onnx/backend/test/data` of Python's onnx), each loaded, traced as it stands, and with its outputs times 1. What ONNX
 * Runtime runs has to give the same bits in both; what it does not run has to say so, or to give the expected values.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { TensorProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { mul, NNsight, save, Tensor } from '../../runtime/index.ts';
import { dtypeName, TEXTS } from '../../runtime/onnx/dtypes.ts';
import { readModel } from '../../runtime/onnx/read.ts';
import * as operators from '../../runtime/operators/index.ts';
import { allocate, encode } from '../../runtime/tensor/storage.ts';

interface Plain {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}

type Given = Tensor | OrtTensor;

/** More elements than any of the tests has. */
const LARGEST = 1_000_000;

/** Operators that draw random numbers. */
const RANDOM = /bernoulli/;

const folder = process.argv[2]!;
const counts = new Map<string, string[]>();
for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('model.onnx')) continue;
  const path = join(folder, file);
  const told = await tried(path);
  counts.set(told, [...(counts.get(told) ?? []), relative(folder, dirname(path))]);
}
for (const [told, names] of [...counts].sort(([, a], [, b]) => b.length - a.length)) {
  console.log(`${String(names.length).padStart(5)}  ${told}  (${names.slice(0, 3).join(', ')})`);
}
if ([...counts.keys()].some((told) => told.startsWith('WRONG'))) process.exitCode = 1;

async function tried(path: string): Promise<string> {
  const set = join(dirname(path), 'test_data_set_0');
  const plain = await plainRun(path, set).catch((error: Error) => error);
  if (plain === null) return 'not tried: sequences, optional inputs or types that JavaScript does not have';
  try {
    const [{ inputs, outputs }, model] = [await readModel(path), await NNsight.load(path, { device: 'cpu' })];
    const names = inputs.map(({ name }) => name);
    const given = names.flatMap((name, i): [string, Given][] => {
      const one = read(join(set, `input_${i}.pb`));
      if (one?.type === 'string') return [[name, new OrtTensor('string', one.data as string[], one.dims)]];
      return one === null
        ? []
        : [[name, new Tensor(one.type as 'float32', [...one.dims], one.data as Float32Array<ArrayBuffer>)]];
    });
    const wanted = plain instanceof Error ? outputs.map((_, i) => read(join(set, `output_${i}.pb`))!) : plain;
    const hasTexts = wanted.some(({ type }) => type === 'string');
    // Texts are saved, and nothing is computed with them.
    for (const isWritten of hasTexts ? [false] : [false, true]) {
      const made = await traced(model, Object.fromEntries(given), wanted.length, isWritten);
      const isSame = made.every((one, i) => same(one, wanted[i]!, plain instanceof Error ? 1e-5 : 0));
      if (!isSame && !RANDOM.test(path)) return `WRONG${isWritten ? ' when written' : ''}`;
    }
    return plain instanceof Error ? 'as expected, though ONNX Runtime does not run the file' : 'equal';
  } catch (error) {
    const { name, message } = error as Error;
    return `${plain instanceof Error ? 'refused, as by ONNX Runtime' : 'REFUSED'}: ${name}: ${message.replace(/\S*\/\S+/g, '…').slice(0, 120)}`;
  }
}

/** Null where Node cannot be given the inputs. */
async function plainRun(path: string, set: string): Promise<Plain[] | null> {
  const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
  const feeds = session.inputNames.map((name, i) => [name, read(join(set, `input_${i}.pb`))] as const);
  if (feeds.some(([, one], i) => one === null && existsSync(join(set, `input_${i}.pb`)))) return null;
  const given = feeds.flatMap(([name, one]) =>
    one ? [[name, new OrtTensor(one.type as 'float32', one.data as Float32Array, one.dims)]] : [],
  );
  const results = await session.run(Object.fromEntries(given) as Record<string, OrtTensor>);
  return session.outputNames.map((name) => results[name] as unknown as Plain);
}

function traced(model: NNsight, given: Record<string, Given>, outputs: number, isWritten: boolean): Promise<Plain[]> {
  const block = operators.block(() => {
    const once = (value: (typeof model.outputs)[number]) => (value.dtype === 'bool' ? value : mul(value, 1));
    if (isWritten) model.outputs = model.outputs.map(once);
    return Array.from({ length: outputs }, (_, i) => save(model.outputs[i]!));
  });
  return model
    .trace(given, block)
    .then((saved) => (saved as Tensor[]).map(({ dtype, dims, raw }) => ({ type: dtype, dims, data: raw })));
}

/** A tensor in a file; null where it has no dtype here. */
function read(file: string): Plain | null {
  if (!existsSync(file)) return null;
  const { dataType, dims, rawData, stringData, ...lists } = fromBinary(TensorProtoSchema, readFileSync(file));
  if (dataType === TEXTS) {
    const texts = stringData.map((bytes) => new TextDecoder().decode(bytes));
    return { type: 'string', dims: dims.map(Number), data: texts };
  }
  const type = dtypeName(dataType);
  if (type === null) return null;
  const sizes = dims.map(Number);
  // A list of tensors is another message, and looks like one of many elements.
  if (sizes.reduce((a, b) => a * b, 1) > LARGEST) return null;
  const data = allocate(
    type,
    sizes.reduce((a, b) => a * b, 1),
  );
  if (rawData.length > 0) new Uint8Array(data.buffer).set(rawData);
  else {
    const { floatData, doubleData, int32Data, int64Data, uint64Data } = lists;
    const list = [floatData, doubleData, int32Data, int64Data, uint64Data].find((one) => one.length > 0) ?? [];
    data.set(encode(list, type === 'float16' ? 'uint16' : type) as never);
  }
  return { type, dims: sizes, data: data as ArrayLike<number> };
}

function same(one: Plain, other: Plain, within: number): boolean {
  if (one.type !== other.type || one.dims.join() !== other.dims.join()) return false;
  if (one.type === 'string') return Array.from(one.data).join('\n') === Array.from(other.data).join('\n');
  return Array.from(one.data, Number).every((value, i) => {
    const wanted = Number(other.data[i]);
    return Object.is(value, wanted) || value === wanted || Math.abs(value - wanted) <= within;
  });
}
