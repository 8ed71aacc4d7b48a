import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  GraphError,
  NNsight,
  type ReceivedRequest,
  type RequestJson,
  requestFromBytes,
  requestFromJson,
  requestToBytes,
  requestToJson,
  save,
} from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';
import { frameFromBytes, frameToBytes } from '../../runtime/requests/frame.ts';
import { KnownRequests } from '../../runtime/requests/known-requests.ts';
import { damageBytes } from '../fuzz/inputs/damage.ts';
import { Random } from '../fuzz/inputs/random.ts';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];

// biome-ignore lint/suspicious/noExplicitAny: the tests break what a type would say.
type Json = any;
let model: Json;
let text: string;
let frame: Uint8Array;
const bad = JSON.parse(readFileSync(new URL('../fixtures/bad-graphs.json', import.meta.url), 'utf8'));

beforeAll(async () => {
  model = await NNsight.load(MLP, { device: 'cpu' });
  const backend = {
    async run(request: Parameters<typeof requestToJson>[0]) {
      text = JSON.stringify(requestToJson(request));
      frame = requestToBytes(request);
      return request.graph.saves.map(() => undefined);
    },
  };
  await model.trace(
    { x },
    () => {
      let k = 0;
      let v = model.layer1.output.norm();
      while (v > 0.1) {
        v = v * 0.5;
        k += 1;
      }
      if (v > 0.05) model.layer1.output *= 2;
      return { k: save(k), y: save(model.layer2.output) };
    },
    { backend },
  );
});

const find = (json: Json, op: string) => json.graph.root.nodes.find((node: Json) => node.op === op);
const operandOf = (json: Json, id: number) => json.graph.operands.find(({ value }: Json) => value === id);
const floatOf = (json: Json) => {
  const made = json.graph.root.nodes.find(
    ({ op, outputs }: Json) => op === 'operand' && outputs[0].dtype === 'float32',
  );
  return operandOf(json, made.outputs[0].id);
};

describe('a request that does not fit together is a GraphError', () => {
  it.each<[string, (json: Json) => void, RegExp]>([
    [
      'an empty trip count',
      (json) => Object.assign(operandOf(json, find(json, 'loop').inputs[0]), { dims: [0], data: [] }),
      /its data has dims \[0\], but the graph says \[\]/,
    ],
    ['a loop without a condition', (json) => find(json, 'loop').inputs.splice(1, 1), /it takes int64/],
    ['a body that gives less', (json) => find(json, 'loop').regions[0].results.pop(), /its body gives/],
    [
      'a body that takes more',
      (json) => find(json, 'if').regions[0].parameters.push({ id: 9000, dtype: 'bool', shape: [] }),
      /a body takes bool/,
    ],
    [
      'branches of other dtypes',
      (json) => (find(json, 'if').regions[0].results[0] = find(json, 'if').inputs[0]),
      /a body gives/,
    ],
    [
      'a parameter of the root',
      (json) => json.graph.root.parameters.push({ id: 9000, dtype: 'bool', shape: [] }),
      /only bodies have parameters/,
    ],
    [
      'a read in a body',
      (json) =>
        find(json, 'if').regions[0].nodes.push({
          ...structuredClone(find(json, 'read')),
          outputs: [{ id: 9000, dtype: 'float32', shape: [1, 10] }],
        }),
      /stands in the root of a graph/,
    ],
    ['a write of nothing', (json) => find(json, 'write').inputs.pop(), /it takes 1 inputs/],
    ['another forward', (json) => (find(json, 'read').attributes.forward = 1), /runs one model, once/],
    [
      'a fraction as an integer',
      (json) => (operandOf(json, find(json, 'loop').inputs[0]).data = [1.5]),
      /1\.5 is no int64/,
    ],
    [
      'NaN as an integer',
      (json) => (operandOf(json, find(json, 'loop').inputs[0]).data = ['NaN']),
      /'NaN' is no int64/,
    ],
    [
      '2^63 as an int64',
      (json) => (operandOf(json, find(json, 'loop').inputs[0]).data = ['9223372036854775808']),
      /is no int64, which runs from/,
    ],
    [
      'a number that JSON has rounded',
      (json) => (operandOf(json, find(json, 'loop').inputs[0]).data = [2 ** 60]),
      /give its digits as a string/,
    ],
    ['a text as a number', (json) => (floatOf(json).data = ['2']), /'2' is no float32: give a number, or NaN/],
    ['a number that a float32 does not hold', (json) => (floatOf(json).data = [1e39]), /1e\+39 is no float32/],
    [
      'two saves of a name',
      (json) => json.graph.saves.push({ ...json.graph.saves[0] }),
      /there is a save named "[^"]+" already/,
    ],
    [
      'a very deep attribute',
      (json) => (find(json, 'read').attributes.deep = JSON.parse('['.repeat(5000) + ']'.repeat(5000))),
      /nested too deeply|Unrecognized key/,
    ],
  ])('%s', (_, damage, message) => {
    const json: Json = JSON.parse(text);
    damage(json);
    expect(() => requestFromJson(json)).toThrow(GraphError);
    expect(() => requestFromJson(json)).toThrow(message);
  });

  it('more nodes than a request may have', () => {
    const json: Json = JSON.parse(text);
    const [one] = json.graph.operands;
    const node = json.graph.root.nodes.find(({ outputs }: Json) => outputs[0]?.id === one.value);
    for (let id = 1e6; id < 1e6 + 40_000; id++) {
      json.graph.root.nodes.push({ ...node, outputs: [{ ...node.outputs[0], id }] });
      json.graph.operands.push({ ...one, value: id });
    }
    expect(() => requestFromJson(json)).toThrow(/The graph has 4\d+ nodes, and a request may have 32768/);
  });

  it('more saves than a request may have', () => {
    const json: Json = JSON.parse(text);
    const [one] = json.graph.saves;
    for (let i = 0; i < 40_000; i++) json.graph.saves.push({ ...one, name: `more_${i}` });
    expect(() => requestFromJson(json)).toThrow(/The graph has 4\d+ saves, and a request may have 32768/);
  });

  it('more inputs than an operation has', () => {
    const json: Json = JSON.parse(text);
    const node = find(json, 'gt');
    for (const count of [3, 200_000]) {
      node.inputs = Array(count).fill(node.inputs[0]);
      expect(() => requestFromJson(json)).toThrow(`(gt): it takes 2 inputs, but the graph gives ${count}`);
    }
  });

  it('an exact conversion of what is no whole number', () => {
    const json: Json = JSON.parse(text);
    const operand = {
      op: 'operand',
      inputs: [],
      attributes: { dtype: 'float32' },
      outputs: [{ id: 9000, dtype: 'float32', shape: [] }],
    };
    const cast = (dtype: string) => ({
      op: 'cast',
      inputs: [9000],
      attributes: { dtype, exact: true },
      outputs: [{ id: 9001, dtype, shape: [] }],
    });
    for (const dtype of ['int32', 'float64', 'bool']) {
      const given = structuredClone(json);
      for (const one of [operand, cast(dtype)]) given.graph.root.nodes.push({ ...one, regions: [], site: null });
      given.graph.operands.push({ value: 9000, dims: [], data: [1.5] });
      expect(() => requestFromJson(given)).toThrow(/only whole numbers become others exactly/);
    }
  });

  it('a graph that contains itself', () => {
    const json: Json = JSON.parse(text);
    find(json, 'if').regions[0].nodes.push(find(json, 'if'));
    expect(() => requestFromJson(json)).toThrow(GraphError);
  });

  it('bodies that stand too deep in one another', () => {
    const json: Json = JSON.parse(text);
    const condition = find(json, 'if').inputs[0];
    let inner: Json[] = [];
    for (let i = 0; i < 40; i++) {
      const empty = { parameters: [], nodes: [], results: [] };
      inner = [
        {
          op: 'if',
          inputs: [condition],
          attributes: {},
          outputs: [],
          regions: [{ ...empty, nodes: inner }, empty],
          site: null,
        },
      ];
    }
    json.graph.root.nodes.push(...inner);
    expect(() => requestFromJson(json)).toThrow(/more than 30 bodies/);
  });

  it('a tensor that is too large', () => {
    const operand = (id: number, dtype: string, shape: number[]) => ({
      op: 'operand',
      inputs: [],
      attributes: { dtype },
      outputs: [{ id, dtype, shape }],
      regions: [],
      site: null,
    });
    const json: RequestJson = JSON.parse(text);
    const full = {
      op: 'full',
      inputs: [0, 1],
      attributes: {},
      outputs: [{ id: 2, dtype: 'float32', shape: [null] }],
      regions: [],
      site: null,
    };
    Object.assign(json.graph, {
      root: { parameters: [], nodes: [operand(0, 'int64', [1]), operand(1, 'float32', []), full], results: [] },
      operands: [
        { value: 0, dims: [1], data: [800_000_000] },
        { value: 1, dims: [], data: [1] },
      ],
      saves: [{ name: 's', value: 2 }],
    });
    expect(() => requestFromJson(json)).toThrow(/would make 800000000 elements/);
  });

  it.each([
    ['of many operands are read', 10_000, null],
    ['of more than a block has are refused', 200_000, /^The graph has 200022 nodes, and a request may have 32768\./],
  ])('%s', (_, count, message) => {
    const json: Json = JSON.parse(text);
    for (let i = 0; i < count; i++) {
      json.graph.root.nodes.push({
        op: 'operand',
        inputs: [],
        attributes: { dtype: 'bool' },
        outputs: [{ id: 10_000 + i, dtype: 'bool', shape: [] }],
        regions: [],
        site: null,
      });
      json.graph.operands.push({ value: 10_000 + i, dims: [], data: [1] });
    }
    if (message) expect(() => requestFromJson(json)).toThrow(message);
    else expect(requestFromJson(json).graph.operands.size).toBeGreaterThan(count);
  });
});

describe('a request and the model', () => {
  it('a dtype that the model does not have', async () => {
    const json: Json = JSON.parse(text);
    json.graph.root.nodes = json.graph.root.nodes.filter(({ op }: Json) => op === 'read').slice(0, 1);
    json.graph.root.nodes[0].outputs[0].dtype = 'int64';
    json.graph.operands = [];
    json.graph.saves = [{ name: 's', value: json.graph.root.nodes[0].outputs[0].id }];
    await expect(model.execute(requestFromJson(json))).rejects.toThrow(/is float32, but the graph says int64/);
  });

  it('runs where it is sound, and not on a model with edits, which it does not contain', async () => {
    const [k] = await model.execute(requestFromJson(JSON.parse(text)));
    expect(Number(k.item())).toBeGreaterThan(0);
    const edited = model.edit(() => {
      model.layer1.output *= 0;
    });
    await expect(edited.execute(requestFromJson(JSON.parse(text)))).rejects.toThrow(GraphError);
    await expect(edited.execute(requestFromJson(JSON.parse(text)))).rejects.toThrow(/has edits/);
  });
});

describe('a request as bytes', () => {
  it('says what the same request says as JSON, wherever it begins in memory', async () => {
    const [bytes, json] = [requestFromBytes(frame), requestFromJson(JSON.parse(text))];
    expect(String(bytes.graph)).toBe(String(json.graph));
    expect([...bytes.graph.operands.values()].map(({ data }) => Array.from(data as number[]))).toEqual(
      [...json.graph.operands.values()].map(({ data }) => Array.from(data as number[])),
    );
    for (let offset = 1; offset < 8; offset++) {
      const moved = new Uint8Array(frame.length + offset);
      moved.set(frame, offset);
      expect(requestFromBytes(moved.subarray(offset)).inputs.get('x')!.toArray()).toEqual(
        bytes.inputs.get('x')!.toArray(),
      );
    }
  });

  it.each<[string, (graph: Json) => void, RegExp]>([
    [
      'ends within a node',
      ({ root }) => root.pop(),
      /^root(\.results|\.nodes\[\d+\])?: the row of the graph ends within it/,
    ],
    ['has numbers behind its end', ({ root }) => root.push(0), /^root: 1 numbers follow its end/],
    [
      'tells more than there is',
      ({ root }) => root.splice(1, 1, 1e9),
      /^root: the row of the graph has no 1000000000 more/,
    ],
    ['tells a negative count', ({ root }) => root.splice(0, 1, -1), /^root: the row of the graph has no -1 more/],
    ['has a kind that is none', ({ root }) => root.splice(2, 1, 99), /^root\.nodes\[0\]: there is no kind 99/],
    ['has a site that is none', ({ root }) => root.splice(3, 1, 99), /^root\.nodes\[0\]: there is no site 98/],
    ['has a type that is none', ({ types }) => types.splice(0), /^root\.nodes\[0\]: there is no type 0/],
    [
      'has an operation that is none',
      ({ kinds }) => Object.assign(kinds[0], { op: 'system' }),
      /no operation 'system'/,
    ],
    [
      'has attributes that are none',
      ({ kinds }) => Object.assign(kinds[0].attributes, { x: 1 }),
      /attributes are wrong/,
    ],
    ['has fractions', ({ root }) => root.push(0.5), /expected whole numbers/],
    ['saves what nobody makes', ({ saves }) => Object.assign(saves[0], { value: 1e6 }), /%1000000 is used/],
  ])('whose row %s is refused', (_, spoil, message) => {
    const { json, tensors } = frameFromBytes(frame) as Json;
    spoil(json.graph);
    expect(() => requestFromBytes(frameToBytes({ json, tensors }))).toThrow(GraphError);
    expect(() => requestFromBytes(frameToBytes({ json, tensors }))).toThrow(message);
  });

  it('of any damage is a GraphError, or a request', () => {
    let read = 0;
    for (let seed = 0; seed < 1000; seed++) {
      try {
        requestFromBytes(damageBytes(frame, new Random(seed)));
        read++;
      } catch (error) {
        expect([seed, String(error)]).toEqual([seed, expect.stringMatching(/^GraphError: /)]);
      }
    }
    // Elements may be any numbers.
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(1000);
  });

  it('whose header is known already is read as if it were not', () => {
    const known = new KnownRequests({});
    const said = (read: () => ReceivedRequest) => {
      try {
        const { graph, inputs } = read();
        const operands = Array.from(graph.operands, ([{ outputs }, { dims, data }]) => [outputs[0]!.id, dims, data]);
        return [String(graph), operands, [...inputs].map(([name, tensor]) => [name, tensor.dims, tensor.raw])];
      } catch (error) {
        return String(error);
      }
    };
    known.read(frame);
    for (let seed = 0; seed < 1000; seed++) {
      const random = new Random(seed);
      const damaged = Buffer.from(damageBytes(frame, random));
      // Other numbers under the same header: floats, sizes, and those of a bool.
      if (seed % 2 === 0) damaged.set(frame.subarray(0, Math.min(frame.length - 64, damaged.length)));
      expect([seed, said(() => known.read(damaged))]).toEqual([seed, said(() => requestFromBytes(damaged))]);
    }
    const { json } = bad['attack-full12'];
    const making = (elements: number) => {
      const operands = json.graph.operands.map((one: Json) => (one.value === 0 ? { ...one, data: [elements] } : one));
      const {
        graph,
        inputs,
        model: hash,
      } = requestFromJson({ ...json, graph: { ...json.graph, operands } }, { elements: 1e9 });
      return requestToBytes({ graph, inputs: Object.fromEntries(inputs), model: { hash }, course: () => null } as Json);
    };
    expect(known.read(making(10)).graph.operands.size).toBe(2);
    expect(() => known.read(making(5e8))).toThrow(/it would make 500000000 elements/);
    expect(known.read(making(10)).graph.operands.size).toBe(2);
  });

  it('of another version says what to do', () => {
    const other = Buffer.from(frame);
    other.writeUInt32LE(1, 8);
    expect(() => requestFromBytes(other)).toThrow(
      'This is not a request: its format has version 1, and this onnsight reads version 2: use the same version of onnsight on both sides.',
    );
  });
});
