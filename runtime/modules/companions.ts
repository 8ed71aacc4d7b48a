import { isFloat } from '../onnx/dtypes.ts';
import type { CallContext } from './call-context.ts';

/** What converters and optimizers put between two modules, or share between the readers of one tensor. */
const CONVERSIONS =
  'Cast DequantizeLinear DynamicQuantizeLinear Identity QuantizeLinear ReorderInput ReorderOutput'.split(' ');
/** What puts the same numbers in another form: another dtype, other dims, an order of its own. */
const SAME_NUMBERS = new Set([...CONVERSIONS, 'Expand', 'Flatten', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);
const SHARED = new Set([...CONVERSIONS, 'Unsqueeze']);
/** What stands between a tensor and the softmax that it is added to, multiplied by or chosen beside. */
const BEFORE_SOFTMAX = new Set(['Add', 'Mul', 'Slice', 'Where', ...SAME_NUMBERS]);
const ATTENTION = /^(Group|Multi|Q|Packed)?\w*Attention$/;
/** What takes no more of a tensor than its size. */
const OF_SIZES = /^(Random\w+|Eye)Like$/;
/** What a model has for later steps, and for those who look inside, as transformers names it. */
const ASIDE = /^(\w+_)?(present|past|hidden_states|attentions)([._]|\d|$)/;

/**
 * Whether a tensor that leaves a module goes beside what the module returns first, by what it is: the final state of a
 * recurrent operator; a cache or another of the model's outputs with a name of its own kind; the probabilities of attention, and
 * what is added to its scores; an input of the module, or another of the tensors that leave it, in another form; or what is made without the activations
 * of which others are (masks and positions, that all layers share). Where several tensors are none of these, it is in no
 * graph which of them PyTorch's module returns first.
 */
export function companions(
  names: readonly string[],
  own: ReadonlySet<number>,
  context: CallContext,
): ReadonlySet<string> {
  const { finalStates } = context;
  const look = new Look(own, context);
  const found = new Set(
    names.filter(
      (name) => look.isOfInputs(name) || finalStates.has(name) || look.isAside(name) || look.isOfAttention(name),
    ),
  );
  const left = () => names.filter((name) => !found.has(name));
  const drop = (isBeside: (name: string) => boolean) => {
    const beside = left().filter(isBeside);
    if (beside.length < left().length) for (const name of beside) found.add(name);
  };
  if (left().length > 1) drop((name) => look.isGiven(name));
  if (left().length > 1) {
    const forms = new Set(left().flatMap((name) => look.formOf(name, SHARED).slice(1)));
    drop((name) => forms.has(name));
  }
  if (left().length > 1) drop((name) => !look.hasActivations(name));
  if (left().length > 1) drop((name) => look.isPoolers(name));
  return found;
}

class Look {
  readonly #own: ReadonlySet<number>;
  readonly #context: CallContext;

  constructor(own: ReadonlySet<number>, context: CallContext) {
    this.#own = own;
    this.#context = context;
  }

  /** Whether the name of a tensor, or of all that becomes of it outside of the module, is one of those. */
  isAside(tensor: string): boolean {
    if (ASIDE.test(tensor)) return true;
    if (this.#context.links.outputs.has(tensor)) return false;
    const outside = this.#readers(tensor, false);
    return outside.length > 0 && outside.every((one) => this.#leadsAside(one));
  }

  #leadsAside(node: number): boolean {
    const { graph } = this.#context;
    const { opType, output } = graph.node[node]!;
    return SAME_NUMBERS.has(opType) && output.every((name) => this.isAside(name));
  }

  /** Whether a tensor of whole numbers or truth values is made of such alone: positions, lengths, masks. */
  isOfInputs(tensor: string): boolean {
    return !isFloat(this.#context.types.get(tensor)) && !this.hasActivations(tensor);
  }

  isOfAttention(tensor: string): boolean {
    const { graph } = this.#context;
    const [maker] = this.formOf(tensor)
      .map((name) => this.#maker(name))
      .filter((one) => one !== undefined)
      .slice(-1);
    if (maker !== undefined && graph.node[maker]!.opType === 'Softmax') return true;
    const inside = this.#readers(tensor, true);
    return inside.length > 0 && inside.every((one) => this.#leadsToSoftmax(one, tensor));
  }

  #leadsToSoftmax(node: number, tensor: string): boolean {
    const { graph } = this.#context;
    const { opType, input, output } = graph.node[node]!;
    if (opType === 'Softmax') return true;
    if (ATTENTION.test(opType)) return input.indexOf(tensor) > 2;
    if (!BEFORE_SOFTMAX.has(opType)) return false;
    const readers = output.flatMap((name) => this.#readers(name, true).map((one) => [one, name] as const));
    return readers.length > 0 && readers.every(([one, name]) => this.#leadsToSoftmax(one, name));
  }

  /** A tensor and those in the module that it was made of by such operators alone. */
  formOf(tensor: string, by: ReadonlySet<string> = SAME_NUMBERS): string[] {
    const { graph } = this.#context;
    const maker = this.#maker(tensor);
    if (maker === undefined || !by.has(graph.node[maker]!.opType)) return [tensor];
    return [tensor, ...this.formOf(graph.node[maker]!.input[0]!, by)];
  }

  /** Whether a tensor is what the module is given, in another form. */
  isGiven(tensor: string): boolean {
    return this.#maker(this.formOf(tensor, SHARED).at(-1)!) === undefined;
  }

  /** Whether floating-point data that enters the module is in what a tensor is made of. */
  hasActivations(tensor: string): boolean {
    const { graph, links, types } = this.#context;
    const found = new Set([tensor]);
    // Iterating over a set includes elements that are added meanwhile.
    for (const name of found) {
      if (links.structural.has(name)) continue;
      const maker = this.#maker(name);
      if (maker !== undefined && OF_SIZES.test(graph.node[maker]!.opType)) continue;
      if (maker !== undefined) for (const read of links.reads[maker]!) found.add(read);
      else if (isFloat(types.get(name))) return true;
    }
    return false;
  }

  isPoolers(tensor: string): boolean {
    const maker = this.#maker(tensor);
    return maker !== undefined && this.#context.scopes[maker]!.modules.some((path) => /(^|\.)pooler$/.test(path));
  }

  #maker(tensor: string): number | undefined {
    const maker = this.#context.links.maker.get(tensor);
    return maker !== undefined && this.#own.has(maker) ? maker : undefined;
  }

  /** The nodes in the module, or outside of it, that read more of a tensor than its size. */
  #readers(tensor: string, inside: boolean): number[] {
    const { graph, links } = this.#context;
    const isSize = (reader: number) => graph.node[reader]!.output.every((name) => links.structural.has(name));
    return (links.readers.get(tensor) ?? []).filter((reader) => this.#own.has(reader) === inside && !isSize(reader));
  }
}
