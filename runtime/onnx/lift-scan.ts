import { intAttribute, intsAttribute } from './attributes.ts';
import type { Rule } from './lift-rules.ts';
import { makeGraph, makeNode, makeValueInfo } from './make.ts';
import { subgraphsOf } from './subgraphs.ts';

/**
 * The Scan of operator set 8 goes through a batch of sequences: a Scan through the batch, of which each row is a Scan through
 * its sequence. Where rows have lengths of their own there is no such form.
 */
export const scanOfBatch: Rule['lift'] = (node, lifter) => {
  const [lengths, ...given] = node.input;
  const [body] = subgraphsOf(node);
  if (lengths) throw lifter.cannot(node, 'goes through a batch of sequences, each as far as it is told to');
  if (!body) throw lifter.cannot(node, 'has no body');
  const rows = given.map((_, i) => lifter.name(node, `row${i}`));
  const made = node.output.map((_, i) => lifter.name(node, `made${i}`));
  const count = intAttribute(node, 'num_scan_inputs') ?? 0;
  const inner = makeNode(
    'Scan',
    rows,
    made,
    {
      body: { graph: body },
      num_scan_inputs: { int: count },
      scan_input_directions: { ints: intsAttribute(node, 'directions') ?? Array(count).fill(0) },
    },
    lifter.name(node, 'row'),
  );
  const typeOf = (i: number) => {
    const { value } = body.input[i]?.type ?? {};
    return value?.case === 'tensorType' ? value.value.elemType : null;
  };
  const row = makeGraph(
    'row',
    [inner],
    rows.map((name, i) => makeValueInfo(name, typeOf(i))),
    made.map((name) => makeValueInfo(name)),
  );
  const attributes = { body: { graph: row }, num_scan_inputs: { int: given.length } };
  return [makeNode('Scan', given, [...node.output], attributes, node.name)];
};
