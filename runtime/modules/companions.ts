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
/** What takes no more of a tensor than its size. */
const OF_SIZES = /^(Random\w+|Eye)Like$/;
/** What a model has for later steps, and for those who look inside, as transformers names it. */
const ASIDE = /^(\w+_)?(present|past|hidden_states|attentions)([._]|\d|$)/;

/**
 * Of the tensors that leave a module those that go beside what it returns first, by what they are: final states of recurrent
 * operators; caches, and others of the model's outputs with a name of their own kind; probabilities of attention, and what is
 * added to its scores; places of a pooling; an input of the module, or another of the tensors, in another form; what is made
 * without the activations of which others are (masks and positions, which all layers share); what a pooler makes. Where several
 * tensors are none of these, it is in no graph which of them PyTorch's module returns first.
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
      (name) =>
        look.isOfInputs(name) ||
        finalStates.has(name) ||
        look.isAside(name) ||
        look.isOfAttention(name) ||
        look.isOfPooling(name),
    ),
  );
  const left = () => names.filter((name) => !found.has(name));
  const drop = (isBeside: (name: string) => boolean) => {
    const beside = left().filter(isBeside);
    if (beside.length < left().length) for (const name of beside) found.add(name);
  };
  if (left().length > 1) drop((name) => look.isMeasured(name));
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
    const { graph, links } = this.#context;
    const found = new Set([tensor]);
    // Iterating over a set includes elements that are added meanwhile.
    for (const name of found) {
      if (ASIDE.test(name)) continue;
      const outside = this.#readers(name, false).map((reader) => graph.node[reader]!);
      const isSame = outside.length > 0 && outside.every(({ opType }) => SAME_NUMBERS.has(opType));
      if (!isSame || links.outputs.has(name)) return false;
      for (const { output } of outside) for (const made of output) found.add(made);
    }
    return true;
  }

  /** Whether a tensor of whole numbers or truth values is made of such alone: positions, lengths, masks. */
  isOfInputs(tensor: string): boolean {
    return !isFloat(this.#context.types.get(tensor)) && !this.hasActivations(tensor);
  }

  /** Whether nothing reads a tensor behind the module but what is in no module and takes its size: a scripted function's. */
  isMeasured(tensor: string): boolean {
    const { links, scopes } = this.#context;
    const outside = (links.readers.get(tensor) ?? []).filter((reader) => !this.#own.has(reader));
    const areNowhere = outside.every((reader) => scopes[reader]!.modules.length === 0);
    return areNowhere && !links.outputs.has(tensor) && this.#readers(tensor, false).length === 0;
  }

  /** Whether a tensor is made in a module of attention, and is what values are weighted by or what goes into the softmax. */
  isOfAttention(tensor: string): boolean {
    const { graph, scopes } = this.#context;
    const maker = this.#maker(tensor);
    if (maker === undefined || !scopes[maker]!.modules.some((path) => /att/i.test(path))) return false;
    const first = this.#maker(this.formOf(tensor, SAME_NUMBERS).at(-1)!);
    if (first !== undefined && graph.node[first]!.opType === 'Softmax') return true;
    const found = new Set([tensor]);
    for (const name of found) {
      const inside = this.#readers(name, true).map((reader) => graph.node[reader]!);
      if (inside.length === 0) return false;
      for (const { opType, input, output } of inside) {
        if (opType === 'Softmax' || (/Attention$/.test(opType) && input.indexOf(name) > 2)) continue;
        if (!BEFORE_SOFTMAX.has(opType)) return false;
        for (const made of output) found.add(made);
      }
    }
    return true;
  }

  /** Whether a tensor is the places that a pooling took the largest numbers from. */
  isOfPooling(tensor: string): boolean {
    const maker = this.#context.graph.node[this.#maker(tensor) ?? -1];
    return maker?.opType === 'MaxPool' && maker.output.indexOf(tensor) === 1;
  }

  /** A tensor and those in the module that it was made of by such operators alone. */
  formOf(tensor: string, by: ReadonlySet<string>): string[] {
    const { graph } = this.#context;
    const forms = [tensor];
    for (let maker = this.#maker(tensor); maker !== undefined && by.has(graph.node[maker]!.opType); ) {
      forms.push(graph.node[maker]!.input[0]!);
      maker = this.#maker(forms.at(-1)!);
    }
    return forms;
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

  /** Whether a tensor is made in a module of the name `pooler`. */
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
