import { isDeepStrictEqual } from 'node:util';
import { type BuiltIntervention, buildIntervention, type InterventionFunction } from '../../api/intervention.ts';
import type { ModelMap } from '../../api/model-map.ts';
import type { InterventionGraph } from '../../graph/graph.ts';
import { formatSite, type Site, siteOf } from '../../graph/site.ts';
import type { Node } from '../../graph/types.ts';
import { withRegions } from '../../graph/walk.ts';
import { isSame } from '../../tracing/journal.ts';
import type { Returns } from '../manifest-types.ts';
import { ReturnedValues } from './returns.ts';

const REMEDY = 'What shall differ from run to run is a parameter.';

interface About {
  /** Where the intervention is made. */
  readonly source: Site;
  /** Whether it is told already that the block asks the clock, chance or the machine, which makes two runs differ. */
  readonly isMomentary: boolean;
}

/**
 * Runs the block of an intervention once more, and tells what is another then: where it counts in a variable or goes on with
 * an iterator outside of it, the bundle keeps what that was when it was built.
 */
export async function noteStates(
  map: ModelMap,
  intervention: InterventionFunction,
  first: BuiltIntervention,
  { source, isMomentary }: About,
): Promise<string[]> {
  const returnsOf = ({ returned }: BuiltIntervention) => new ReturnedValues(returned, [], source).returns;
  let again: BuiltIntervention;
  let returns: Returns;
  try {
    again = await silently(() => buildIntervention(map, intervention));
    returns = returnsOf(again);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`${formatSite(source)} - The block can run only once, and the bundle keeps that run. Then: ${reason}`];
  }
  const notes = changesOutside(again).map(
    ({ name, site }) =>
      `${formatSite(site ?? source)} - ${name} is outside of the block, which changes it whenever it runs. A bundle keeps what it was when it was built, and changes nothing. ${REMEDY}`,
  );
  if (notes.length > 0 || isMomentary) return notes;
  const other = firstDifference(first.tracing.graph, again.tracing.graph);
  if (!other && isDeepStrictEqual(returnsOf(first), returns)) return [];
  const site = (other && siteOf(other)) ?? source;
  return [
    `${formatSite(site)} - This is another when the block runs once more, as something outside of it (a counter, an iterator) has gone on. The bundle keeps what it was when it was built. ${REMEDY}`,
  ];
}

/** What a run that is not the first has changed outside of the block; it is put back. */
function changesOutside({ tracing }: BuiltIntervention): { name: string; site: Site | null }[] {
  const changes: { name: string; site: Site | null }[] = [];
  for (const [slot, { value, site }] of [...tracing.builder.outside].reverse()) {
    if (isSame(slot, value, slot.get())) continue;
    slot.set(value);
    changes.push({ name: Array.isArray(slot.owner) ? slot.name : `'${slot.name}'`, site });
  }
  return changes.reverse();
}

/** The node at which two runs of a block begin to differ. */
function firstDifference(one: InterventionGraph, other: InterventionGraph): Node | undefined {
  const others = [...withRegions(other.root.nodes)];
  return [...withRegions(one.root.nodes)].find((node, i) => {
    const counterpart = others[i];
    return !counterpart || !isDeepStrictEqual(contentOf(node, one), contentOf(counterpart, other));
  });
}

function contentOf({ op, attributes, inputs, outputs }: Node, { operands }: InterventionGraph) {
  const given = inputs.map(({ id, node }) => [id, node && operands.get(node)]);
  return [op, attributes, given, outputs.map(({ type }) => type)];
}

/** Without the lines that the block prints when it runs: they have been printed. */
async function silently<T>(work: () => Promise<T>): Promise<T> {
  const printed = ['log', 'info', 'warn', 'error', 'debug'] as const;
  const before = printed.map((name) => console[name]);
  for (const name of printed) console[name] = () => {};
  try {
    return await work();
  } finally {
    printed.forEach((name, i) => {
      console[name] = before[i]!;
    });
  }
}
