import { isFloat } from '../onnx/dtypes.ts';
import { describeCall } from './boundary.ts';
import type { CallContext } from './call-context.ts';
import { mayBeginBefore, mayGoOn } from './lost-products.ts';
import type { ModuleCall } from './module.ts';
import { isAnonymous } from './parameters.ts';
import { isParted } from './parted.ts';
import { arePooled } from './pooled.ts';
import { isPyramid } from './pyramid.ts';

/**
 * The calls of the module at `path`, whose nodes (its children's too) are `nodes`, ascending. TorchScript's names
 * number them; without numbers, a new call begins where the module repeats what it did first, either after other
 * modules ran, or at once and then completely.
 */
export function moduleCalls(path: string, nodes: readonly number[], context: CallContext): ModuleCall[] {
  const work = new Work(context);
  const changing = nodes.filter((index) => !work.isConstant(index));
  if (changing.length === 0 || changing.length === nodes.length) return callsIn(path, nodes, work);
  const calls = callsIn(path, changing, work);
  const more = constantCalls(calls, nodes, work).map((call) => describe(path, call, context));
  return [...calls, ...more].sort((a, b) => a.nodes[0]! - b.nodes[0]!);
}

/**
 * Calls on what is the same in every run (DeBERTa projects the embeddings of its distances as it does its states): nodes that do
 * what a call does, with a parameter of it.
 */
function constantCalls([call]: readonly ModuleCall[], nodes: readonly number[], work: Work): number[][] {
  const { node } = work.context.graph;
  const body = call?.nodes ?? [];
  const parameters = new Set(body.flatMap((index) => work.parametersRead(index)));
  if (parameters.size === 0) return [];
  const still = nodes.filter((index) => work.isConstant(index));
  const isCall = (part: readonly number[]) =>
    part.length === body.length &&
    part.every((index, i) => node[index]!.opType === node[body[i]!]!.opType) &&
    part.some((index) => work.parametersRead(index).some((name) => parameters.has(name)));
  return still.map((_, i) => still.slice(i, i + body.length)).filter(isCall);
}

function callsIn(path: string, body: readonly number[], work: Work): ModuleCall[] {
  const { context } = work;
  if (work.isOneCall(path, body)) return [describe(path, body, context)];
  const numbered = work.byNumber(path, body);
  if (numbered) return numbered.map((call) => describe(path, call, context));
  const calls: number[][] = [];
  for (const section of joined(sections(body, work), work)) {
    const parts = numberedParts(path, section, work);
    parts.forEach((part, i) => {
      const current = calls.at(-1);
      const isNumbered = work.number(path, part) !== null;
      const isNew = isNumbered
        ? i > 0 || current === undefined || work.number(path, current) !== work.number(path, part)
        : current === undefined || work.isRepeat(current, part);
      if (isNew) calls.push(...(isNumbered ? [part] : periods(part, work)));
      else current!.push(...part);
    });
  }
  return calls.map((call) => describe(path, call, context));
}

function describe(path: string, nodes: readonly number[], context: CallContext): ModuleCall {
  const described = describeCall(nodes, context);
  const own = new Set(nodes);
  const isCut = mayBeginBefore(path, described.inputs, described.outputs, own, context);
  const call: ModuleCall = isCut ? { ...described, isCut } : described;
  if (described.outputs.some((output) => mayGoOn(path, output, own, context))) return { ...call, order: 'cut' };
  if (arePooled(path, call.outputs, own, context)) return { ...call, order: 'pooled' };
  if (isPyramid(path, call.outputs, nodes, context)) return { ...call, order: 'listed' };
  return isParted(path, call, context) ? { ...call, order: 'unknown' } : call;
}

/** Describes the nodes of a module in terms that two calls have in common. */
class Work {
  readonly context: CallContext;

  constructor(context: CallContext) {
    this.context = context;
  }

  isConstant(index: number): boolean {
    const { graph, links } = this.context;
    return graph.node[index]!.output.every((name) => links.constant.has(name));
  }

  /** The nodes that compute activations: shape arithmetic may be shared between calls. */
  active(nodes: readonly number[]): number[] {
    const { graph, links, types } = this.context;
    return nodes.filter((index) =>
      graph.node[index]!.output.some((name) => isFloat(types.get(name)) && !links.structural.has(name)),
    );
  }

  /** The number that the names give to a call of the module at `path`, where a node of its own has one. */
  number(path: string, nodes: readonly number[]): number | null {
    const own = nodes.find((index) => this.ownNumber(path, index) !== null);
    return own === undefined ? null : this.ownNumber(path, own);
  }

  ownNumber(path: string, index: number): number | null {
    const { modules, call } = this.context.scopes[index]!;
    return modules.at(-1) === path && !this.isConstant(index) ? call : null;
  }

  /** The nodes of each call of a module that has no other modules in it, where the names of all number them, in whatever order an optimizer has left them. */
  byNumber(path: string, nodes: readonly number[]): number[][] | null {
    const calls = new Map<number, number[]>();
    for (const index of nodes) {
      const number = this.ownNumber(path, index);
      if (number === null) return null;
      calls.set(number, [...(calls.get(number) ?? []), index]);
    }
    return [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
  }

  /** The call that a node is of, where its name numbers it. */
  numberedCall(index: number): string | null {
    const { modules, call } = this.context.scopes[index]!;
    return call === null || modules.length === 0 || this.isConstant(index) ? null : `${call} ${modules.at(-1)}`;
  }

  /** Whether numbers in names rule a second call out; order alone would not do, as optimizers and quantizers change it. */
  isOneCall(path: string, nodes: readonly number[]): boolean {
    const { scopes } = this.context;
    const numbers = new Set(nodes.map((index) => scopes[index]!.call).filter((call) => call !== null));
    const own = new Set(nodes.map((index) => this.ownNumber(path, index)).filter((call) => call !== null));
    return own.size === 1 || (numbers.size === 1 && numbers.has(0));
  }

  key(index: number): string {
    const { opType, input } = this.context.graph.node[index]!;
    const weights = input.flatMap((name) => this.weight(name) ?? []);
    return [this.context.scopes[index]!.modules.at(-1), opType, ...weights].join(' ');
  }

  /** The weight that a tensor is: exporters copy one that several nodes read. */
  private weight(name: string): string | null {
    const { graph, links } = this.context;
    if (links.initializers.has(name)) return name;
    const maker = graph.node[links.maker.get(name) ?? -1];
    return maker?.opType === 'Identity' ? this.weight(maker.input[0]!) : null;
  }

  /** Whether a node is of a call before that with this number, by its own module's number, where that runs as often. */
  isBefore(number: number, index: number, path: string): boolean {
    const { call, modules } = this.context.scopes[index]!;
    return call !== null && call < number && this.lastNumber(modules.at(-1)!) === this.lastNumber(path);
  }

  private lastNumber(path: string): number {
    const own = this.context.scopes.filter(({ modules, call }) => call !== null && modules.at(-1) === path);
    return Math.max(...own.map(({ call }) => call!));
  }

  /** Whether `part` does what `call` began with, or has the same modules read the same parameters. */
  isRepeat(call: readonly number[], part: readonly number[]): boolean {
    const [first] = this.active(call);
    const [lead] = this.active(part);
    if (first === undefined || lead === undefined) return false;
    const read = new Set(call.flatMap((index) => this.parametersRead(index)));
    return (
      this.key(first) === this.key(lead) ||
      part.some((index) => this.parametersRead(index).some((name) => read.has(name)))
    );
  }

  parametersRead(index: number): string[] {
    const names = this.context.graph.node[index]!.input;
    const parameters = names.filter((name) => this.context.links.initializers.has(name) && !isAnonymous(name));
    return parameters.map((name) => `${this.context.scopes[index]!.modules.at(-1)} ${name}`);
  }
}

/** Parts of `nodes` between which other modules' nodes run. */
function sections(nodes: readonly number[], work: Work): number[][] {
  const own = new Set(nodes);
  const parts: number[][] = [];
  let next = 0;
  for (const index of nodes) {
    let isLeft = parts.length === 0;
    for (; next < index; next++) isLeft ||= !own.has(next) && !work.isConstant(next);
    if (isLeft) parts.push([index]);
    else parts.at(-1)!.push(index);
    next = index + 1;
  }
  return parts;
}

/** Sections, those joined that one call of a module in them goes through: an optimizer has put other nodes between. */
function joined(sections: readonly number[][], work: Work): number[][] {
  const parts: number[][] = [];
  let before = new Set<string>();
  for (const section of sections) {
    const calls = new Set(section.flatMap((index) => work.numberedCall(index) ?? []));
    if ([...calls].some((call) => before.has(call))) {
      parts.at(-1)!.push(...section);
      before = new Set([...before, ...calls]);
    } else {
      parts.push([...section]);
      before = calls;
    }
  }
  return parts;
}

/** Parts of `nodes` where the number of the module's call goes up: a module called on its own output. */
function numberedParts(path: string, nodes: readonly number[], work: Work): number[][] {
  const parts: number[][] = [];
  let number: number | null = null;
  for (const index of nodes) {
    const own = work.ownNumber(path, index);
    if (parts.length > 0 && own !== null && number !== null && own !== number) {
      parts.push([...takeFresh(parts.at(-1)!, path, work, index), index]);
    } else if (parts.length === 0) parts.push([index]);
    else parts.at(-1)!.push(index);
    number = own ?? number;
  }
  return parts;
}

/** Takes away from a part's end the children's nodes that only lead to `index`, where the names say the next call has begun. */
function takeFresh(part: number[], path: string, work: Work, index: number): number[] {
  const { graph, links } = work.context;
  const number = work.ownNumber(path, index)!;
  const fresh = new Set([index]);
  for (let last = part.at(-1); last !== undefined && work.ownNumber(path, last) === null; last = part.at(-1)) {
    const readers = graph.node[last]!.output.flatMap((name) => links.readers.get(name) ?? []);
    if (!readers.every((reader) => fresh.has(reader)) || work.isBefore(number, last, path)) break;
    fresh.add(last);
    part.pop();
  }
  fresh.delete(index);
  return [...fresh].reverse();
}

/** Equal parts that some nodes are made of, each reading the same parameters: a module called on its own output. */
function periods(nodes: readonly number[], work: Work): number[][] {
  const active = work.active(nodes);
  const keys = active.map((index) => work.key(index));
  if (!active.some((index) => work.parametersRead(index).length > 0)) return [[...nodes]];
  const length = keys.length;
  const period = keys.findIndex((_, i) => i > 0 && length % i === 0 && keys.every((key, k) => key === keys[k % i]));
  if (period < 1) return [[...nodes]];
  const starts = active.filter((_, i) => i > 0 && i % period === 0).map((index) => nodes.indexOf(index));
  return [0, ...starts].map((start, i) => nodes.slice(start, starts[i] ?? nodes.length));
}
