import { colours, domainOf, draw, heading, inkOn } from './draw.ts';
import { checkChart, checkCounts, DOMAIN, HEADING, TEXT, TEXTS, VECTOR } from './options.ts';
import type { Heading, Picture } from './picture.ts';
import { type Vector, vectorOf } from './values.ts';

/** Tokens, and a value for each. */
export interface ColoredTokens extends Heading {
  readonly tokens: readonly string[];
  readonly values: Vector;
  readonly valueTitle?: string;
  /** Where the colours begin and end. Unless given, at 0 and the largest magnitude. */
  readonly domain?: readonly [number, number];
}

/** The width of a line of tokens, in pixels. */
const LINE = 720;
const HEIGHT = 26;

/** A text, each of its tokens coloured by its value. */
export function coloredTokens(chart: ColoredTokens, ...more: readonly never[]): Picture {
  const kinds = { ...HEADING, tokens: TEXTS, values: VECTOR, valueTitle: TEXT, domain: DOMAIN };
  checkChart('coloredTokens', chart, kinds, ['tokens', 'values'], more);
  const values = vectorOf(chart.values);
  checkCounts('coloredTokens', 'tokens', chart.tokens.length, 'values', values.length);
  const domain = domainOf([values], chart.domain);
  let [x, y] = [0, 0];
  const cells = chart.tokens.map((token, i) => {
    const width = 12 + 8 * token.length;
    if (x > 0 && x + width > LINE) [x, y] = [0, y + HEIGHT + 4];
    const cell = { token, value: values[i]!, x, x2: x + width, middle: x + width / 2, y, y2: y + HEIGHT };
    x += width + 2;
    return cell;
  });
  const [width, height] = [Math.max(...cells.map(({ x2 }) => x2)), y + HEIGHT];
  const type = 'quantitative' as const;
  const across = { type, axis: null, scale: { domain: [0, width], nice: false } };
  const down = { type, axis: null, scale: { domain: [height, 0], nice: false } };
  return draw({
    title: heading(chart),
    data: { values: cells },
    width,
    height,
    layer: [
      {
        mark: { type: 'rect', stroke: '#e4e7eb' },
        encoding: {
          x: { ...across, field: 'x' },
          x2: { field: 'x2' },
          y: { ...down, field: 'y' },
          y2: { field: 'y2' },
          color: {
            field: 'value',
            type: 'quantitative',
            title: chart.valueTitle || null,
            scale: colours(domain),
            legend: { orient: 'bottom', direction: 'horizontal' },
          },
        },
      },
      {
        transform: [{ calculate: '(datum.y + datum.y2) / 2', as: 'centre' }],
        mark: { type: 'text', fontSize: 13 },
        encoding: {
          x: { ...across, field: 'middle' },
          y: { ...down, field: 'centre' },
          text: { field: 'token', type: 'nominal' },
          color: inkOn(domain),
        },
      },
    ],
  });
}
