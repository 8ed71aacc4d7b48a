import { keyOf } from '../graph/key.ts';
import type { Cuts } from './cuts.ts';
import { describeFragment, type Fragment } from './fragment.ts';
import { FragmentWriter } from './fragment-writer.ts';
import type { Program } from './plan.ts';
import { ranges } from './ranges.ts';
import { programOf, type SegmentProgram, type SegmentRequest, type Segments } from './segment-programs.ts';
import type { TappedModel } from './tapped-model.ts';

/**
 * The programs of a model with taps: the segment with the taps is one program for all traces, which gives whatever they may ask
 * for; what comes after it is as deep as a trace asks. The first segment is the one with the taps.
 */
export class TapPrograms implements Segments {
  /** The one with the taps. */
  readonly program: Program;
  private readonly segment: string;
  private readonly fragment: Fragment;
  private readonly tapped: TappedModel;
  private readonly others: Segments;

  /**
   * @param readable the tensors of the segment that traces may ask for
   * @param others the programs of the original
   */
  constructor({ keys, nodes }: Cuts, readable: readonly string[], tapped: TappedModel, others: Segments) {
    const { model } = tapped;
    const { graph, links, elementTypes } = model;
    const writer = new FragmentWriter(model);
    const first = nodes[0]!;
    const own = new Set(first);
    const isWanted = (name: string) =>
      readable.includes(name) ||
      links.outputs.has(name) ||
      (links.readers.get(name) ?? []).some((reader) => !own.has(reader));
    const made = first.flatMap((index) => graph.node[index]!.output);
    const outputs = made.filter((name) => elementTypes.has(name) && isWanted(name)).sort();
    this.segment = keys[0]!;
    this.fragment = describeFragment(model, first, outputs, () => undefined);
    const program = programOf(writer, this.fragment);
    // Nodes have other numbers in the original, and where there are more taps.
    this.program = { ...program, key: keyOf('taps', tapped.taps.size, program.key) };
    this.tapped = tapped;
    this.others = others;
  }

  follow(): void {}

  of(request: SegmentRequest): SegmentProgram | null {
    return request.segment === this.segment ? this.withTaps(request) : this.behind(request);
  }

  private withTaps({ outputs, replaced }: SegmentRequest): SegmentProgram | null {
    if (!outputs.every((name) => this.fragment.outputs.includes(name))) return null;
    const fed = [...this.fragment.inputs.keys()].map((name) => {
      const [reader] = this.tapped.model.links.readers.get(name)!;
      return [name, replaced?.(name, reader!) ?? name] as const;
    });
    return { program: this.program, inputs: new Map(fed) };
  }

  /** What comes after the taps is the same as in the original, and shares its sessions: it is fed what goes on from taps. */
  private behind({ nodes, all, outputs, replaced }: SegmentRequest): SegmentProgram | null {
    const { origins, numbers, taps } = this.tapped;
    const original = (indices: readonly number[]) => indices.map((index) => origins[index]!);
    const own = original(all);
    const found = this.others.of({
      nodes: original(nodes),
      outputs,
      segment: ranges(own),
      all: own,
      replaced: replaced && ((tensor, reader) => replaced(tensor, numbers[reader]!)),
    });
    if (!found) return null;
    const inputs = Array.from(found.inputs, ([name, source]) => {
      const tap = typeof source === 'string' ? taps.get(source) : undefined;
      return [name, tap?.value ?? source] as const;
    });
    return { ...found, inputs: new Map(inputs) };
  }
}
