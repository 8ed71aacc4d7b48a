import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { TopLevelSpec } from 'vega-lite';
import { refuseMore } from '../arguments.ts';
import { UserError } from '../errors.ts';
import type { Heading, Picture } from './picture.ts';

/** A chart of Vega-Lite in the style of all pictures. */
export function draw(chart: TopLevelSpec): Picture {
  const toSVG = async () => {
    const { vega, vegaLite } = await libraries();
    const { spec } = vegaLite.compile({
      background: 'white',
      padding: 16,
      ...chart,
      config: {
        view: { stroke: null },
        axis: { labelFontSize: 12, titleFontSize: 13, titlePadding: 10, titleFontWeight: 'normal', maxExtent: 420 },
        legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', titleLimit: 400 },
        header: { labelFontSize: 13, titleFontSize: 13 },
      },
    });
    return new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG();
  };
  return Object.assign(Object.create({ [Symbol.for('Jupyter.display')]: shown }), {
    toSVG: (...more: readonly never[]) => {
      refuseMore('toSVG()', more);
      return toSVG();
    },
    async save(file: string, ...more: readonly never[]) {
      refuseMore('save(file)', more);
      if (typeof file !== 'string' || /\.(?!svg$)[a-z]+$/i.test(file)) {
        throw new UserError('A picture is saved as an SVG file: save("picture.svg").');
      }
      const svg = await toSVG();
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, svg);
    },
  });
}

/** What a notebook shows. */
async function shown(this: Picture) {
  return { 'image/svg+xml': await this.toSVG() };
}

/** A text of a picture, as Vega has it. */
interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
}

/** The libraries that draw, loaded with the first picture: they are not needed for anything else. */
async function libraries() {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')]).catch((cause) => {
    throw new UserError('onnsight/plots draws with Vega-Lite, which could not be loaded: npm install vega vega-lite', {
      cause,
    });
  });
  // Without a canvas Vega takes each character to be 0.8 em wide, which leaves holes in the layout: most are narrower;
  // those of bold titles less so.
  // Its types do not have this.
  const metrics: { width(item: TextItem, text: unknown): number } = Reflect.get(vega, 'textMetrics');
  metrics.width = ({ fontSize = 11, fontWeight }, text) =>
    fontWeight === 'bold' ? 0.66 * fontSize * String(text ?? '').length : widthOf(String(text ?? ''), fontSize);
  return { vega, vegaLite };
}

const widthOf = (text: string, fontSize: number) => 0.56 * fontSize * text.length;

/** The angle of the names of columns: as a text has it where all fit above each other's column, else slanted. */
export function labelAngle(names: readonly string[], width: number, fontSize: number, slanted: number): number {
  return names.every((name) => widthOf(name, fontSize) <= width - 4) ? 0 : slanted;
}

/** The heading as Vega-Lite has it. */
export function heading({ title = '', subtitle = [] }: Heading) {
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
const BLUES = ['#ffffff', '#c6dbef', '#6baed6', '#2171b5', '#08306b'];

/** Blue for less than nothing, orange for more. */
const BLUE_TO_ORANGE = ['#08306b', '#6baed6', '#ffffff', '#fdae6b', '#8c2d04'];

/** Where colours begin and end: unless given, at 0 and the largest magnitude, on both sides of 0 where values are. */
export function domainOf(
  values: readonly (readonly number[])[],
  domain?: readonly [number, number],
): readonly [number, number] {
  if (domain) return domain;
  const all = values.flat().filter(Number.isFinite);
  const most = Math.max(...all.map(Math.abs)) || 1;
  const low = all.some((value) => value < 0) ? -most : 0;
  return [low, low === 0 || all.some((value) => value > 0) ? most : 0];
}

/** The scale of colours between two values: of one colour, the darker the farther from 0, or of two around it. */
export function colours([low, high]: readonly [number, number]) {
  const style = { interpolate, clamp: true };
  if (low >= 0) return { ...style, range: BLUES, domain: [low, high] };
  if (high <= 0) return { ...style, range: BLUES.toReversed(), domain: [low, high] };
  return { ...style, range: BLUE_TO_ORANGE, domain: [low, low / 2, 0, high / 2, high] };
}

/** The colour of a text on `datum.value`: white where it is dark there. */
export function inkOn([low, high]: readonly [number, number]) {
  const nothing = low >= 0 ? low : high <= 0 ? high : 0;
  const side = (end: number) => `(datum.value - ${nothing}) / ${end - nothing} > 0.6`;
  const dark = [low, high].filter((end) => end !== nothing).map(side);
  return {
    condition: { test: `isFinite(datum.value) && (${dark.join(' || ')})`, value: 'white' },
    value: 'black',
  } as const;
}

/** A name with its place before it, so that names may occur more than once: `4: John`. */
export const placed = (names: readonly string[], i: number) => `${i}: ${names[i]}`;

/** The expression of Vega that takes the place away again. */
export const NAME = "replace(datum.label, /^\\d+: /, '')";
