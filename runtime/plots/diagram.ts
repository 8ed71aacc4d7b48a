import { colours, draw, heading } from './draw.ts';
import { checkChart, HEADING, OBJECTS, TEXT, TEXTS } from './options.ts';
import type { Heading, Picture } from './picture.ts';

/** A node of a diagram: its column (a token) and its row, and what is written beside it. */
export interface DiagramNode {
  readonly column: number;
  readonly row: number;
  readonly label: string;
}

/** What one node does to another. */
export interface DiagramEdge {
  readonly from: DiagramNode;
  readonly to: DiagramNode;
  readonly value: number;
}

/** Nodes in rows and columns with weighted edges, the first row at the bottom. */
export interface Diagram extends Heading {
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly nodes: readonly DiagramNode[];
  readonly edges: readonly DiagramEdge[];
  readonly valueTitle?: string;
}

/** A diagram of nodes, with edges as wide as their values. */
export function diagram(chart: Diagram, ...more: readonly never[]): Picture {
  const kinds = { ...HEADING, rows: TEXTS, columns: TEXTS, nodes: OBJECTS, edges: OBJECTS, valueTitle: TEXT };
  checkChart('diagram', chart, kinds, ['rows', 'columns', 'nodes', 'edges'], more);
  const { rows, columns } = chart;
  const most = Math.max(...chart.edges.map(({ value }) => Math.abs(value)));
  const lines = chart.edges.map(({ from, to, value }) => ({
    x: from.column,
    y: from.row,
    x2: to.column,
    y2: to.row,
    value,
    size: Math.abs(value),
  }));
  const axis = { grid: false, domain: false, ticks: false, title: null, labelPadding: 14 };
  const x = { type: 'quantitative' as const, scale: { domain: [-0.3, columns.length - 0.3], nice: false } };
  const y = { type: 'quantitative' as const, scale: { domain: [-0.3, rows.length - 0.7], nice: false } };
  return draw({
    title: heading(chart),
    width: columns.length * 92,
    height: rows.length * 82,
    layer: [
      {
        data: { values: lines },
        mark: { type: 'rule', opacity: 0.85 },
        encoding: {
          x: { ...x, field: 'x', axis: { ...axis, values: [...columns.keys()], labelExpr: named(columns) } },
          y: { ...y, field: 'y', axis: { ...axis, values: [...rows.keys()], labelExpr: named(rows) } },
          x2: { field: 'x2' },
          y2: { field: 'y2' },
          size: { field: 'size', type: 'quantitative', legend: null, scale: { domain: [0, most], range: [0.5, 9] } },
          color: {
            field: 'value',
            type: 'quantitative',
            title: chart.valueTitle || null,
            scale: {
              ...colours([-most, most]),
              range: ['#2171b5', '#9ecae1', '#e4e7eb', '#fdae6b', '#d94801'],
              domain: [-most, -most / 4, 0, most / 4, most],
            },
          },
        },
      },
      {
        data: { values: chart.nodes.map(({ column, row, label }) => ({ x: column, y: row, label })) },
        encoding: { x: { ...x, field: 'x' }, y: { ...y, field: 'y' } },
        layer: [
          {
            mark: {
              type: 'point',
              filled: true,
              size: 130,
              color: 'white',
              stroke: '#1f2933',
              strokeWidth: 1.5,
              opacity: 1,
            },
          },
          {
            mark: { type: 'text', dy: -14, fontSize: 11, stroke: 'white', strokeWidth: 3 },
            encoding: { text: { field: 'label', type: 'nominal' } },
          },
          {
            mark: { type: 'text', dy: -14, fontSize: 11 },
            encoding: { text: { field: 'label', type: 'nominal' } },
          },
        ],
      },
    ],
  });
}

/** The names of an axis by their numbers. */
function named(names: readonly string[]): string {
  return `${JSON.stringify(names)}[datum.value]`;
}
