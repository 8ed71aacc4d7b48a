import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** The heading of every picture: the finding, and how it was found. */
export interface Heading {
  readonly title: string;
  readonly subtitle: string | readonly string[];
}

/** The heading as Vega-Lite has it. */
export function heading({ title, subtitle }: Heading) {
  return {
    text: title,
    subtitle: [subtitle].flat(),
    anchor: 'start',
    fontSize: 16,
    subtitleFontSize: 12,
    subtitlePadding: 6,
    offset: 16,
  } as const;
}

/** Steps between colours that look alike. */
const interpolate = 'lab' as const;

/** White for nothing, dark blue for all. */
export const BLUES = { range: ['#ffffff', '#c6dbef', '#6baed6', '#2171b5', '#08306b'], interpolate };

/** Blue for less than nothing, orange for more. */
export const BLUE_TO_ORANGE = { range: ['#08306b', '#6baed6', '#ffffff', '#fdae6b', '#8c2d04'], interpolate };

// Without a canvas Vega takes each character to be 0.8 em wide, which leaves holes in the layout: most are narrower.
const { textMetrics } = vega as typeof vega & {
  readonly textMetrics: { width(item: { readonly fontSize?: number }, text: unknown): number };
};
textMetrics.width = ({ fontSize = 11 }, text) => 0.56 * fontSize * String(text ?? '').length;

/** The labels of an axis whose names occur more than once, and so have their positions before them: `4: John`. */
export const NAME = "replace(datum.label, /^\\d+: /, '')";

/** Writes a chart as an SVG file that stands alone; its folder is made if necessary. */
export async function writeChart(file: string, chart: TopLevelSpec): Promise<void> {
  const { spec } = compile({
    background: 'white',
    padding: 16,
    ...chart,
    config: {
      view: { stroke: null },
      axis: { labelFontSize: 12, titleFontSize: 13, titlePadding: 10, titleFontWeight: 'normal' },
      legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', titleLimit: 400 },
      header: { labelFontSize: 13, titleFontSize: 13 },
    },
  });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, await new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG());
}
