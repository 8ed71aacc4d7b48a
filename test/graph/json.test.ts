import { fileURLToPath } from 'node:url';
import { GraphError, type GraphJson, graphFromJson, graphToJson, NNsight, save } from 'onnsight';
import { beforeAll, describe, expect, it } from 'vitest';

const MLP = fileURLToPath(new URL('../fixtures/zoo/mlp.ts.onnx', import.meta.url));
const x = [[0.1, 0.2, 0.3, 0.4, 0.5]];
let json: GraphJson;
let text: string;
let key: string;

beforeAll(async () => {
  const model = await NNsight.load(MLP, { device: 'cpu' });
  const graph = await model.graph({ x }, () => {
    let total = 0;
    for (const row of model.layer1.output) {
      if (row.sum() > 0.25) total += row.norm();
    }
    model.layer1.output *= 0.5;
    return { total: save(total), out: save(model.layer2.output) };
  });
  json = graphToJson(graph);
  text = String(graph);
  key = graph.structuralKey();
});

describe('the intervention graph', () => {
  it('prints its operations, with bodies inside', () => {
    for (const part of ['read(path="layer1"', 'loop(', 'if(', 'write(', 'float32[1, 2]']) expect(text).toContain(part);
  });

  it('goes through JSON and comes back the same', () => {
    const back = graphFromJson(JSON.parse(JSON.stringify(json)));
    expect(String(back)).toBe(text);
    expect(back.structuralKey()).toBe(key);
    expect(graphToJson(back)).toEqual(json);
  });

  it('matches operands by their ids, whatever their order', () => {
    const reversed = { ...structuredClone(json), operands: structuredClone(json.operands).reverse() };
    expect(json.operands.length).toBeGreaterThan(1);
    expect(graphToJson(graphFromJson(reversed))).toEqual(json);
  });

  it.each<[string, (graph: GraphJson) => void, RegExp]>([
    ['another version', (graph) => Object.assign(graph, { version: 2 }), /version/],
    [
      'an unknown operation',
      (graph) => Object.assign(graph.root.nodes[0]!, { op: 'system' }),
      /root\.nodes\[0\].*'system'/,
    ],
    ['a value nobody makes', (graph) => graph.root.nodes.at(-1)!.inputs.push(9999), /%9999 is used/],
    ['a wrong number of elements', (graph) => graph.operands[0]!.data.push(1), /operands\[0\]/],
    ['an operand without data', (graph) => graph.operands.pop(), /has no data/],
    ['a dtype that is none', (graph) => Object.assign(graph.root.nodes[0]!.outputs[0]!, { dtype: 'text' }), /dtype/],
  ])('is refused with %s', (_, spoil, message) => {
    const bad = structuredClone(json);
    spoil(bad);
    expect(() => graphFromJson(bad)).toThrow(GraphError);
    expect(() => graphFromJson(bad)).toThrow(message);
  });
});
