import { FreshNames } from '../onnx/fresh-names.ts';
import type { Rewritten } from '../onnx/gathered-rows.ts';
import { makeNode } from '../onnx/make.ts';
import { OnnxModel } from '../onnx/model.ts';
import { changedNode, type NodeProto, type TensorProto } from '../onnx/proto.ts';
import { isExperts, partsOf } from '../onnx/written-out.ts';
import { declaredDims } from './declared-dims.ts';
import { Emitter } from './emitter.ts';
import { GradientError } from './error.ts';
import { Facts } from './facts.ts';
import { Application } from './rule.ts';
import { attentionWrittenOut } from './rules/attention.ts';
import { experts } from './rules/experts.ts';

/** A model whose operators that do the work of many are written out. */
export interface WrittenOut extends Rewritten {
  /** Why operators are still as they were, by their index in the model they come from. */
  readonly faults: ReadonlyMap<number, string>;
}

const known = new WeakMap<OnnxModel, WrittenOut>();

/** A model with its operators of attention and of experts as what they are made of, by their definitions. */
export function withWrittenOut(model: OnnxModel): WrittenOut {
  const found = known.get(model) ?? writeOut(model);
  known.set(model, found);
  return found;
}

function writeOut(whole: OnnxModel): WrittenOut {
  const { graph, opset } = whole;
  const facts = factsOf(whole);
  const names = new FreshNames(graph);
  const faults = new Map<number, string>();
  const nodes: NodeProto[] = [];
  const constants: TensorProto[] = [];
  const places = graph.node.map((node, index) => {
    const start = nodes.length;
    let own: readonly NodeProto[] = [node];
    if (partsOf(node).length > 0) {
      try {
        const emit = new Emitter(facts.inner(), opset, 0);
        own = writtenOut(node, emit, names);
        constants.push(...emit.constants.map((tensor) => ({ ...tensor, name: renamed(tensor.name, node) })));
      } catch (error) {
        if (!(error instanceof GradientError || error instanceof Unwritten)) throw error;
        const fault = error.message.replace(/ ha(s|ve) no derivative here$/, '');
        faults.set(index, fault === node.opType ? 'there is no definition of it here' : fault);
      }
    }
    nodes.push(...own);
    return Array.from({ length: nodes.length - start }, (_, i) => start + i);
  });
  const initializer = [...graph.initializer, ...constants];
  const model = new OnnxModel({ ...whole.proto, graph: { ...graph, node: nodes, initializer } }, whole);
  return { model, nodesOf: (index) => places[index]!, faults };
}

function factsOf({ graph, plain }: OnnxModel): Facts {
  const facts = new Facts();
  const weights = new Set(graph.initializer.map(({ name }) => name));
  for (const input of graph.input) {
    const { type } = input;
    const element = type?.value.case === 'tensorType' ? type.value.value.elemType : 0;
    if (!weights.has(input.name)) facts.setInput(input.name, element, declaredDims(input, facts));
  }
  facts.learnGraph(plain.graph);
  return facts;
}

/** The names of what is made here are those of the operator, with something behind them that no file has. */
function renamed(name: string, { output }: NodeProto): string {
  return name.startsWith('onnsight/d0/')
    ? `onnsight:${name.slice('onnsight/d0/'.length)}:${output.find(Boolean)}`
    : name;
}

/** What the definition of an operator here does not give. */
class Unwritten extends Error {}

/** @throws GradientError or Unwritten for what has no definition here */
function writtenOut(node: NodeProto, emit: Emitter, names: FreshNames): NodeProto[] {
  const at = new Application(node, [], []);
  const made = (isExperts(node) ? experts : attentionWrittenOut)(emit, at);
  const called = namesOf(node, emit.nodes);
  const own = new Set(emit.nodes.flatMap(({ output }) => output));
  const copies: NodeProto[] = [];
  for (const [i, output] of node.output.entries()) {
    if (output === '') continue;
    const tensor = made[i];
    if (!tensor) throw new Unwritten(`its output ${output}`);
    if (own.has(tensor) && !called.has(tensor)) called.set(tensor, output);
    else copies.push(makeNode('Identity', [tensor], [output]));
  }
  const call = (name: string) => called.get(name) ?? renamed(name, node);
  return [...emit.nodes, ...copies].map((one) =>
    changedNode(one, {
      name: names.take(`${node.name || node.output.find(Boolean)}:${one.opType}`),
      input: one.input.map(call),
      output: one.output.map(call),
      metadataProps: node.metadataProps,
    }),
  );
}

/** The names that tensors inside get, by those that they were made with. */
function namesOf(node: NodeProto, nodes: readonly NodeProto[]): Map<string, string> {
  const parts = partsOf(node);
  const called = new Map<string, string>();
  for (const kind of new Set(parts.map(({ opType }) => opType))) {
    const wanted = parts.filter(({ opType }) => opType === kind);
    // What prepares them comes before.
    const there = nodes.filter(({ opType }) => opType === kind).slice(-wanted.length);
    if (wanted.length !== there.length) throw new Unwritten(`${node.opType} has no ${kind.toLowerCase()} of its own`);
    for (const [i, { input, output }] of wanted.entries()) {
      called.set(there[i]!.input[0]!, input);
      called.set(there[i]!.output[0]!, output);
    }
  }
  return called;
}
