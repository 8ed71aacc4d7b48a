import { FreshNames } from './fresh-names.ts';
import { makeNode, makeTensor } from './make.ts';
import { changedNode, type GraphProto, type ModelProto, type NodeProto } from './proto.ts';
import { mapSubgraphs, nodesWithin, subgraphsOf } from './subgraphs.ts';

/**
 * A model whose loops check how often they run and whether they go on: ONNX Runtime reads one element of these, whether it
 * is there or not, and without one the process ends. What a file gives as a constant needs no check.
 */
export function withCheckedLoops(proto: ModelProto): ModelProto {
  const { graph } = proto;
  if (!graph || ![...nodesWithin(graph.node)].some(({ opType }) => opType === 'Loop')) return proto;
  const names = new FreshNames(graph);
  const noDims = names.take('onnsight:no_dims');
  const checked = new Checker(names, noDims).graph(graph, new Set());
  if (checked === graph) return proto;
  return {
    ...proto,
    graph: { ...checked, initializer: [...checked.initializer, makeTensor(noDims, 'int64', [], [0])] },
  };
}

class Checker {
  private readonly names: FreshNames;
  private readonly noDims: string;

  constructor(names: FreshNames, noDims: string) {
    this.names = names;
    this.noDims = noDims;
  }

  /** @param around the tensors around a subgraph that are known to have one element */
  graph(graph: GraphProto, around: ReadonlySet<string>): GraphProto {
    const sure = new Set([...around, ...graph.initializer.map(({ name }) => name)]);
    let isSame = true;
    const node = graph.node.flatMap((one) => {
      if (one.opType === 'Constant' || (one.opType === 'Identity' && sure.has(one.input[0]!))) sure.add(one.output[0]!);
      const nodes =
        one.opType === 'Loop' ? this.loop(one, sure) : [mapSubgraphs(one, (body) => this.graph(body, sure))];
      isSame &&= nodes.length === 1 && subgraphsOf(nodes[0]!).every((body, i) => body === subgraphsOf(one)[i]);
      return nodes;
    });
    return isSame ? graph : { ...graph, node };
  }

  private loop(loop: NodeProto, sure: ReadonlySet<string>): NodeProto[] {
    const checks: NodeProto[] = [];
    const check = (name: string, what: string): string => {
      if (name === '' || sure.has(name)) return name;
      checks.push(this.check(loop, name, what));
      return checks.at(-1)!.output[0]!;
    };
    const [trip = '', condition = '', ...states] = loop.input;
    const input = [check(trip, 'trip'), check(condition, 'condition'), ...states];
    const own = mapSubgraphs(loop, (body) => this.body(loop, body, sure));
    return [...checks, checks.length > 0 ? changedNode(own, { input }) : own];
  }

  /** A body whose own condition is checked. That which it is given is ONNX Runtime's. */
  private body(loop: NodeProto, graph: GraphProto, around: ReadonlySet<string>): GraphProto {
    const given = graph.input[1]?.name;
    const body = this.graph(graph, new Set([...around, ...(given === undefined ? [] : [given])]));
    const [goesOn, ...others] = body.output;
    const maker = body.node.find(({ output }) => output.includes(goesOn!.name));
    const isSure = !maker || maker.opType === 'Constant' || (maker.opType === 'Identity' && maker.input[0] === given);
    if (isSure) return body;
    const node = this.check(loop, goesOn!.name, 'goes_on');
    const output = [{ ...goesOn!, name: node.output[0]! }, ...others];
    return { ...body, node: [...body.node, node], output };
  }

  private check(loop: NodeProto, name: string, what: string): NodeProto {
    const checked = this.names.beside(loop, what);
    return makeNode('Reshape', [name, this.noDims], [checked], {}, checked);
  }
}
