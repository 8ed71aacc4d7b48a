import type { TensorType } from '../graph/types.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { nodeKind } from '../onnx/node-kind.ts';
import { tensorText } from '../onnx/proto.ts';
import { isWeight } from '../onnx/weightless.ts';
import { tellingTensors } from './telling.ts';

/** What a node makes: the type of each output, undefined for what has no dtype here. */
type Made = readonly (TensorType | undefined)[];

/**
 * The nodes of a graph by what tells the types of what they make: the operator, its attributes, and what they read, which
 * is known by its type where its elements tell nothing of sizes, else by how it is made. Layers of a model are alike in
 * this, so that ONNX Runtime is asked for one of them.
 */
export class Alike {
  private readonly model: OnnxModel;
  private readonly known: ReadonlyMap<string, TensorType>;
  private readonly texts: readonly (number | null)[];
  private readonly kinds = new Map<string, number>();
  /** The kinds of tensors, of those whose types are known. */
  private readonly tensors = new Map<string, number>([['', 0]]);
  private readonly made = new Map<number, Made>();

  /** @param known the types that are known by now; those of nodes are noted one by one, in their order */
  constructor(model: OnnxModel, known: ReadonlyMap<string, TensorType>) {
    this.model = model;
    this.known = known;
    this.texts = textsOf(model);
    const telling = tellingTensors(model);
    for (const tensor of model.graph.initializer) {
      const { name, dataType, dims } = tensor;
      const isData = telling.has(name) && !isWeight(tensor);
      this.tensors.set(name, this.kind(isData ? `data ${tensorText(tensor)}` : `weight ${dataType} ${dims}`));
    }
    for (const { name } of model.inputs) if (!this.tensors.has(name)) this.note(name, () => `input ${name}`);
  }

  /** Whether the nodes from this one on do what others before them do: a layer begins that may be alike. */
  isRepeated(index: number): boolean {
    return repeatedOf(this.texts).has(index);
  }

  /** What a node makes, if one like it was noted. */
  find(index: number): Made | null {
    const kind = this.kindOf(index);
    return kind === null ? null : (this.made.get(kind) ?? null);
  }

  /** The types of what a node makes are known by now, and are those of what nodes like it make. */
  learn(index: number, made: Made): void {
    const kind = this.kindOf(index);
    if (kind !== null) this.made.set(kind, made);
    this.noteMade(index);
  }

  /** The types of what a node makes are known by now. */
  noteMade(index: number): void {
    this.model.graph.node[index]!.output.forEach((name, i) => {
      this.note(name, () => {
        const kind = this.kindOf(index);
        return kind === null ? `made by ${index}, ${i}` : `${i} of ${kind}`;
      });
    });
  }

  /** The same number for tensors that are made alike; null where that is not known. */
  of(tensor: string): number | null {
    return this.tensors.get(tensor) ?? null;
  }

  private kindOf(index: number): number | null {
    const text = this.texts[index];
    if (text == null) return null;
    const read = this.model.graph.node[index]!.input.map((name) => this.tensors.get(name));
    return read.includes(undefined) ? null : this.kind(`node ${text} ${read}`);
  }

  private note(name: string, how: () => string): void {
    if (name === '') return;
    const type = this.known.get(name);
    const isPlain =
      type?.shape != null &&
      type.shape.length > 0 &&
      !type.shape.includes(null) &&
      type.dtype.startsWith('float') &&
      !this.model.links.structural.has(name);
    this.tensors.set(name, this.kind(isPlain ? `${type.dtype} ${type.shape}` : how()));
  }

  private kind(text: string): number {
    const known = this.kinds.get(text);
    if (known !== undefined) return known;
    this.kinds.set(text, this.kinds.size + 1);
    return this.kinds.size;
  }
}

/** Numbers that are the same for nodes with the same operator, attributes and outputs; null for nodes with bodies. */
type Texts = readonly (number | null)[];

const WINDOW = 64;

/** Sizes are tried three times and more. */
const known = new WeakMap<OnnxModel, Texts>();
const knownRepeated = new WeakMap<Texts, ReadonlySet<number>>();

function textsOf(model: OnnxModel): Texts {
  const found = known.get(model) ?? readTexts(model);
  known.set(model, found);
  return found;
}

function readTexts(model: OnnxModel): Texts {
  const numbers = new Map<string, number>();
  return model.graph.node.map((node) => {
    const text = nodeKind(node);
    if (text === null) return null;
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
}

/** The nodes from which on so many have the texts of others before them; where all types follow by rules, nobody asks. */
function repeatedOf(texts: Texts): ReadonlySet<number> {
  const found = knownRepeated.get(texts);
  if (found) return found;
  const windows = new Set<string>();
  const repeated = new Set<number>();
  for (let i = 0; i + WINDOW <= texts.length; i++) {
    const window = texts.slice(i, i + WINDOW).join();
    if (windows.has(window)) repeated.add(i);
    windows.add(window);
  }
  knownRepeated.set(texts, repeated);
  return repeated;
}
