import { FreshNames } from '../onnx/fresh-names.ts';
import { insideOf, isFusedAttention } from '../onnx/fused-attention.ts';
import type { Rewritten } from '../onnx/gathered-rows.ts';
import { makeNode } from '../onnx/make.ts';
import { OnnxModel } from '../onnx/model.ts';
import { changedNode, type NodeProto, type TensorProto } from '../onnx/proto.ts';
import { declaredDims } from './declared-dims.ts';
import { Emitter } from './emitter.ts';
import { GradientError } from './error.ts';
import { Facts } from './facts.ts';
import { Application } from './rule.ts';
import { attentionWrittenOut } from './rules/attention.ts';

/** A model whose attention is written out, operator by operator. */
export interface OpenedAttention extends Rewritten {
  /** Why operators are still as they were, by their index in the model they come from. */
  readonly faults: ReadonlyMap<number, string>;
}

const opened = new WeakMap<OnnxModel, OpenedAttention>();

/** A model with its operators of attention as what they are made of, by their definitions, so that there is a softmax. */
export function withOpenedAttention(model: OnnxModel): OpenedAttention {
  const known = opened.get(model) ?? open(model);
  opened.set(model, known);
  return known;
}

function open(whole: OnnxModel): OpenedAttention {
  const { graph, opset } = whole;
  const facts = factsOf(whole);
  const names = new FreshNames(graph);
  const faults = new Map<number, string>();
  const nodes: NodeProto[] = [];
  const constants: TensorProto[] = [];
  const places = graph.node.map((node, index) => {
    const start = nodes.length;
    let own: readonly NodeProto[] = [node];
    if (isFusedAttention(node)) {
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
  const made = attentionWrittenOut(emit, at);
  const softmax = emit.nodes.filter(({ opType }) => opType === 'Softmax');
  if (softmax.length !== 1) throw new Unwritten(`${node.opType} has no softmax of its own`);
  const { scores, probabilities } = insideOf(node);
  const called = new Map([
    [softmax[0]!.input[0]!, scores],
    [softmax[0]!.output[0]!, probabilities],
  ]);
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
