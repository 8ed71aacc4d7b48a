import { TraceError } from '../errors.ts';
import { isFloat } from '../graph/promotion.ts';
import type { NodeOf, Region, Value } from '../graph/types.ts';
import type { Dependencies } from './dependencies.ts';
import type { Writer } from './writer.ts';

/**
 * Throws a TraceError for a gradient in a loop that would have to go back through earlier iterations: what they computed
 * is not there any more.
 */
export function checkIterations(node: NodeOf<'grad'>, writer: Writer, dependencies: Dependencies): void {
  const [pass, of] = node.inputs as [Value, Value];
  const loss = pass.node!.inputs[0]!;
  const dependsOnIt = (value: Value) =>
    sourcesOf(value).some((source) => source === of || dependencies.isComputedFrom(source, of));
  for (let at: Writer = writer; at.body && !makes(at.body.region, of); at = at.body.around) {
    const { region, around } = at.body;
    const loop = around.current;
    if (loop?.op !== 'loop') continue;
    const reaching = new Set(sourcesOf(loss));
    const isCarried = region.parameters.some(
      (parameter, i) =>
        i > 0 &&
        isFloat(parameter.type.dtype) &&
        reaching.has(parameter) &&
        (dependsOnIt(loop.inputs[i + 1]!) || dependsOnIt(region.results[i]!)),
    );
    if (!isCarried) continue;
    throw new TraceError(
      'This gradient would have to pass through earlier iterations of the loop, and what they computed is not there any more. Take it by something of this iteration, such as a variable as it is at its start (x = x + 0 makes one), detach() what comes from before, or call backward after the loop.',
      node.site,
    );
  }
}

/** Whether a value is made in a region, or in a body in it. */
function makes({ parameters, nodes }: Region, value: Value): boolean {
  return (
    parameters.includes(value) ||
    nodes.some(({ outputs, regions }) => outputs.includes(value) || regions.some((region) => makes(region, value)))
  );
}

/** All that a value is computed from, as far as the graph tells; nothing comes through what is detached. */
function sourcesOf(value: Value): Value[] {
  const found = new Set<Value>();
  const pending = [value];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    const { node } = next;
    if (!node || node.op === 'detach') continue;
    for (const { results } of [{ results: node.inputs }, ...node.regions]) for (const one of results) pending.push(one);
  }
  return [...found];
}
