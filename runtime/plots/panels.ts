import { colours, domainOf, draw, heading, labelAngle, NAME, placed } from './draw.ts';
import { COUNT, checkChart, checkGrid, DOMAIN, HEADING, MATRIX, OBJECTS, PIXELS, TEXT, TEXTS } from './options.ts';
import type { Heading, Picture } from './picture.ts';
import { type Matrix, matrixOf } from './values.ts';

/** One of several heat maps side by side: `values[y][x]`. */
export interface Panel {
  readonly title: string;
  /** [rows, columns] */
  readonly values: Matrix;
}

/** Small multiples: heat maps with the same rows, columns and colours. */
export interface Panels extends Heading {
  readonly panels: readonly Panel[];
  /** How many stand side by side: four unless given. */
  readonly across?: number;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly valueTitle?: string;
  /** Where the colours begin and end. Unless given, at 0 and the largest magnitude. */
  readonly domain?: readonly [number, number];
  /** In pixels: 22 unless given. */
  readonly cell?: number;
}

/** Heat maps side by side. */
export function panels(charts: Panels, ...more: readonly never[]): Picture {
  const layout = { across: COUNT, cell: PIXELS, valueTitle: TEXT, domain: DOMAIN };
  const kinds = { ...HEADING, ...layout, panels: OBJECTS, rows: TEXTS, columns: TEXTS };
  checkChart('panels', charts, kinds, ['panels', 'rows', 'columns'], more);
  return drawPanels('panels', charts);
}

function drawPanels(call: string, charts: Panels): Picture {
  for (const panel of charts.panels) checkChart('A panel', panel, { title: TEXT, values: MATRIX }, ['title', 'values']);
  const grids = charts.panels.map(({ title, values }) => ({ title, values: matrixOf(values) }));
  for (const { values } of grids) checkGrid(call, values, charts);
  const cells = grids.flatMap(({ title, values }) =>
    values.flatMap((row, y) =>
      row.map((value, x) => ({ title, row: placed(charts.rows, y), column: placed(charts.columns, x), value })),
    ),
  );
  const domain = domainOf(
    grids.flatMap(({ values }) => values),
    charts.domain,
  );
  const axis = { domain: false, ticks: false, labelFontSize: 10, labelExpr: NAME };
  const step = charts.cell ?? 22;
  const angle = labelAngle(charts.columns, step, 10, -60);
  return draw({
    title: heading(charts),
    data: { values: cells },
    facet: {
      field: 'title',
      type: 'nominal',
      sort: grids.map(({ title }) => title),
      title: null,
      header: { labelFontWeight: 'bold' },
    },
    columns: charts.across ?? 4,
    spacing: 18,
    spec: {
      width: { step },
      height: { step },
      mark: { type: 'rect', stroke: '#e4e7eb', strokeWidth: 0.5 },
      encoding: {
        x: { field: 'column', type: 'nominal', sort: null, title: null, axis: { ...axis, labelAngle: angle } },
        y: { field: 'row', type: 'nominal', sort: null, title: null, axis },
        color: { field: 'value', type: 'quantitative', title: charts.valueTitle || null, scale: colours(domain) },
      },
    },
  });
}

/** Where heads look: `heads[i].values` is the attention from each token (rows) to each token (columns). */
export interface AttentionPatterns extends Heading {
  readonly tokens: readonly string[];
  readonly heads: readonly Panel[];
  readonly across?: number;
  readonly cell?: number;
}

/** The patterns of heads side by side, 0 white and 1 dark blue. */
export function attentionPatterns(patterns: AttentionPatterns, ...more: readonly never[]): Picture {
  const kinds = { ...HEADING, tokens: TEXTS, heads: OBJECTS, across: COUNT, cell: PIXELS };
  checkChart('attentionPatterns', patterns, kinds, ['tokens', 'heads'], more);
  const { tokens, heads, ...layout } = patterns;
  const names = { rows: tokens, columns: tokens, valueTitle: 'attention' };
  return drawPanels('attentionPatterns', { domain: [0, 1], cell: 13, ...layout, ...names, panels: heads });
}
