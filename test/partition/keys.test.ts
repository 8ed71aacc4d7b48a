import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { NNsight, type RequestJson, requestFromJson, requestToJson, save, type Tensor } from 'onnsight';
import { beforeAll, expect, it } from 'vitest';
import { keyOf } from '../../runtime/graph/key.ts';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

// biome-ignore lint/suspicious/noExplicitAny: the modules of this model are not known to the type checker.
let model: any;
let plain: RequestJson;
let first: readonly number[];
let second: readonly number[];

const numbers = (tensor: Tensor | undefined) => Array.from(tensor!.data as ArrayLike<number>);

beforeAll(async () => {
  model = await NNsight.load(MLP, { device: 'cpu' });
  const all = await model.trace({ x }, () => ({ a: save(model.layer1.output), b: save(model.layer2.output) }));
  first = numbers(all.a).map((value) => Math.fround(value * 2));
  second = numbers(all.b);
  const backend = {
    async run(request: Parameters<typeof requestToJson>[0]) {
      plain = requestToJson(request);
      return request.graph.saves.map(() => undefined);
    },
  };
  await model.trace({ x }, () => ({ a: save(model.layer1.output * 2), b: save(model.layer2.output) }), { backend });
});

/** Names that are made to be taken for the syntax of a key. */
const hostile = fc.oneof(
  fc.string(),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '__proto__', 'constructor', 'toString', 'then', '\u202e', '\ud800', 'x'.repeat(20_000)),
  fc.string({ unit: fc.constantFrom('\n', ' ', '%', '"', '\\', ',', ':', '|', ']', 'save', '0', '1', '6', '=') }),
);

it('keys of other parts are other keys, whatever stands in the parts', () => {
  const parts = fc.array(fc.oneof(hostile, fc.nat(20), fc.array(hostile, { maxLength: 3 }), fc.constant(null)), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      expect(keyOf(...a) === keyOf(...b)).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
    { numRuns: 2000 },
  );
  expect(keyOf('a', 'b')).not.toBe(keyOf('a1:b'));
  expect(keyOf('[]')).not.toBe(keyOf([]));
});

it('requests with any save names, in any order, get their own results from one model', async () => {
  const [a, b] = plain.graph.saves.map(({ value }) => value);
  const saves = fc.uniqueArray(fc.tuple(fc.boolean(), hostile), {
    minLength: 1,
    maxLength: 4,
    selector: ([, name]) => name,
  });
  // Save names that end the entry and begin the next one.
  const injected = fc
    .tuple(fc.constantFrom('\n', '"],["', ', '), fc.constantFrom('save ', ''), hostile)
    .map(([end, word, name]): [boolean, string][] => [[true, `${name} %${a}${end}${word}${name}`]]);
  await fc.assert(
    fc.asyncProperty(fc.oneof(saves, injected), fc.boolean(), async (list, isReversed) => {
      const request = structuredClone(plain);
      request.graph.saves = list.map(([isFirst, name]) => ({ name, value: isFirst ? a! : b! }));
      if (isReversed) request.graph.operands.reverse();
      const results = await model.execute(requestFromJson(JSON.parse(JSON.stringify(request))));
      expect(results.map(numbers)).toEqual(list.map(([isFirst]) => (isFirst ? first : second)));
    }),
    { numRuns: 60 },
  );
});

it('a save name with a line break does not change what the next client gets', async () => {
  const [one, other] = plain.graph.saves;
  const evil = structuredClone(plain);
  evil.graph.saves = [{ name: `${one!.name} %${one!.value}\nsave ${other!.name}`, value: other!.value }];
  await model.execute(requestFromJson(evil));
  const results = await model.execute(requestFromJson(plain));
  expect(results.map(numbers)).toEqual([first, second]);
});
