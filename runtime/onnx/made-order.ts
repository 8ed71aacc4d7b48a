import type { NodeProto } from './proto.ts';

/**
 * Nodes in the order in which an exporter made them, as far as names and data tell. Converters, quantizers and optimizers put
 * nodes elsewhere, and leave the numbers that exporters give what they make: `/mlp/Mul` in a module's first call, `/mlp_1/Mul` in
 * its second. What nothing tells apart stands behind what it reads, so that a module's nodes stay together.
 * @param needs by node the nodes that make what it reads
 * @param isConstant by node whether it computes the same in every run: such nodes come first, as exporters put them
 * @returns indices of nodes; those that need themselves, directly or not, are left out
 */
export function madeOrder(
  nodes: readonly NodeProto[],
  needs: readonly (readonly number[])[],
  isConstant: readonly boolean[],
): number[] {
  const before = numberedBefore(nodes).map((made, index) => (isConstant[index] ? [] : made));
  const order = depthFirst(needs, before, isConstant);
  // Modules may have such names of their own, and run in another order.
  return order.length === nodes.length ? order : depthFirst(needs, [], isConstant);
}

/**
 * Whether names tell that something has put nodes in another order than the exporter made them in: TorchScript's names, or
 * those of a quantized file, as the dynamo exporter has an order of its own.
 */
export function isOutOfMadeOrder(nodes: readonly NodeProto[]): boolean {
  const isQuantized = nodes.some(({ opType }) => opType === 'DynamicQuantizeLinear');
  return numberedBefore(nodes).some((before, index) => {
    const tells = isQuantized || nodes[index]!.name.startsWith('/');
    return tells && before.some((other) => other > index);
  });
}

/** By node those that were made before it: the next lower numbers of its kind. */
function numberedBefore(nodes: readonly NodeProto[]): number[][] {
  const kinds = new Map<string, { readonly number: number; readonly index: number }[]>();
  nodes.forEach(({ name }, index) => {
    for (const { kind, number } of numbers(name)) {
      const known = kinds.get(kind);
      if (known === undefined) kinds.set(kind, [{ number, index }]);
      else known.push({ number, index });
    }
  });
  const before: number[][] = nodes.map(() => []);
  for (const made of kinds.values()) {
    made.sort((a, b) => a.number - b.number);
    made.forEach(({ number, index }, i) => {
      const previous = made[i - 1];
      if (previous !== undefined && previous.number < number) before[index]!.push(previous.index);
    });
  }
  return before;
}

/**
 * The numbers in a name: TorchScript's, of a module's call, and that of a call of PyTorch, which the dynamo
 * exporter writes small (`node_linear_1`): its rewrites give those of operators (`node_MatMul_9`) in an order of their own.
 */
const NUMBERED = [/^(\/.*?)(?:_(\d+))?(\/[^/]*)$/s, /^(node_[a-z].*?)(?:_(\d+))?()$/s];

/** The first of a kind has no number. */
function numbers(name: string): { readonly kind: string; readonly number: number }[] {
  return NUMBERED.flatMap((pattern, i) => {
    const [, stem, digits, rest] = pattern.exec(name) ?? [];
    return stem ? [{ kind: `${i} ${stem} ${rest}`, number: Number(digits ?? 0) }] : [];
  });
}

/**
 * An order in which each node comes behind those that it needs and those that were made before it, and, where it may, right
 * behind the last that it needs.
 */
function depthFirst(
  needs: readonly (readonly number[])[],
  before: readonly (readonly number[])[],
  isFirst: readonly boolean[],
): number[] {
  const missing = needs.map((own, index) => own.length + (before[index]?.length ?? 0));
  const next: number[][] = needs.map(() => []);
  // What reads a node's result goes on before what only comes later.
  for (const all of [needs, before]) {
    all.forEach((others, index) => {
      for (const other of others) next[other]!.push(index);
    });
  }
  const order: number[] = [];
  const ready = missing.flatMap((count, index) => (count === 0 ? [index] : [])).reverse();
  const waiting = ready.filter((index) => !isFirst[index]);
  const stack = ready.filter((index) => isFirst[index]);
  for (let node = stack.pop() ?? waiting.pop(); node !== undefined; node = stack.pop() ?? waiting.pop()) {
    order.push(node);
    const ended = next[node]!.filter((other) => --missing[other]! === 0);
    for (const other of ended.reverse()) (isFirst[node] && !isFirst[other] ? waiting : stack).push(other);
  }
  return order;
}
