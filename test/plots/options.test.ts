import { describe, expect, it } from 'vitest';
import { Tensor } from '../../runtime/index.ts';
import {
  attentionPatterns,
  coloredTokens,
  diagram,
  heatMap,
  lines,
  panels,
  points,
  printHeatMap,
} from '../../runtime/plots/index.ts';

const names = { rows: ['a', 'b'], columns: ['x'] };
const grid = { ...names, values: [[1], [2]] };
const panel = { title: 'one', values: grid.values };
const line = { name: 'a', values: [1, 2] };
const node = { column: 0, row: 0, label: 'a' };

/** A call that is wrong, as JavaScript or a cast would make it, and what its error says. */
const WRONG: readonly (readonly [name: string, draw: (chart: never) => unknown, chart: object, says: string])[] = [
  [
    'a misspelt option',
    heatMap,
    { ...grid, valueTitel: 'p' },
    "heatMap has no option 'valueTitel'; did you mean valueTitle",
  ],
  [
    'its printed twin',
    printHeatMap,
    { ...grid, colums: [] },
    "printHeatMap has no option 'colums'; did you mean columns",
  ],
  ['one of another chart', heatMap, { ...grid, across: 2 }, "heatMap has no option 'across'"],
  ['a missing one', heatMap, { rows: ['a'], values: [[1]] }, 'heatMap needs columns: a list of texts'],
  ['a name too few', heatMap, { ...grid, rows: ['a'] }, '1 names of rows, but 2 rows of values'],
  ['a name too many', heatMap, { ...grid, columns: ['x', 'y'] }, '2 names of columns, but 1 values in a row'],
  ['texts of another size', heatMap, { ...grid, texts: [['1']] }, '2 names of rows, but 1 rows of values'],
  ['a domain the wrong way', heatMap, { ...grid, domain: [1, 0] }, 'The option domain of heatMap is two numbers'],
  ['no width', heatMap, { ...grid, cellWidth: 0 }, 'The option cellWidth of heatMap is a number above 0'],
  ['a title that is no text', lines, { lines: [line], title: 3 }, 'The option title of lines is a text'],
  ['a misspelt option of lines', lines, { lines: [line], xtitle: 'layer' }, 'did you mean xTitle'],
  ['one of a line', lines, { lines: [{ ...line, colour: 'red' }] }, "A line has no option 'colour'"],
  ['fewer x than values', lines, { x: [0], lines: [line] }, '2 values of a, but 1 values of x'],
  ['a misspelt option of panels', panels, { ...names, panels: [panel], accross: 2 }, 'did you mean across'],
  ['a panel without a title', panels, { ...names, panels: [{ values: [[1], [2]] }] }, 'A panel needs title: a text'],
  ['a panel of another size', panels, { ...names, rows: ['a'], panels: [panel] }, '1 names of rows, but 2 rows'],
  ['no panels', panels, { ...names, panels: [panel], across: 0 }, 'The option across of panels is a whole number'],
  ['patterns', attentionPatterns, { token: ['a'], heads: [] }, "no option 'token'; did you mean tokens"],
  ['a domain of patterns', attentionPatterns, { tokens: [], heads: [], domain: [0, 1] }, "no option 'domain'"],
  [
    'patterns of other tokens',
    attentionPatterns,
    { tokens: ['a'], heads: [panel] },
    'attentionPatterns is given 1 names',
  ],
  ['tokens', coloredTokens, { tokens: ['a'], value: [1] }, "no option 'value'; did you mean values"],
  ['more tokens than values', coloredTokens, { tokens: ['a', 'b'], values: [1] }, '2 tokens, but 1 values'],
  ['points', points, { values: [[1, 2]], names: ['a'], group: ['x'] }, "no option 'group'; did you mean groups"],
  ['points in space', points, { values: [[1, 2, 3]], names: ['a'] }, '3 numbers in a point, but 2 are expected'],
  ['points without names', points, { values: [[1, 2]], names: [] }, '0 names, but 1 points'],
  ['a diagram', diagram, { rows: [], columns: [], nodes: [node] }, 'diagram needs edges: a list of objects'],
];

describe('a chart that is wrong is an error at its line:', () => {
  it.each(WRONG)('%s', (_, draw, chart, says) => {
    let error: Error | undefined;
    try {
      draw(chart as never);
    } catch (thrown) {
      error = thrown as Error;
    }
    expect(error?.message).toContain(says);
    expect(error?.stack?.split('\n')[1]).toContain('options.test.ts');
  });
});

const textOf = (svg: string, name: string) => {
  const found = new RegExp(`translate\\(([-\\d.]+),([-\\d.]+)\\)[^>]*>${name}<`).exec(svg);
  return { x: Number(found![1]), y: Number(found![2]) };
};

it('names of lines that end at the same place stand above each other', async () => {
  const ends = ['first', 'second', 'third'];
  const svg = await lines({ lines: ends.map((name, i) => ({ name, values: [5 * i, 1 + i / 1000] })) }).toSVG();
  const heights = ends.map((name) => textOf(svg, name).y).sort((a, b) => a - b);
  expect(heights[1]! - heights[0]!).toBeGreaterThan(12);
  expect(heights[2]! - heights[1]!).toBeGreaterThan(12);
});

it('names of points at the same place stand beside each other, and tensors are taken', async () => {
  const values = Tensor.from([
    [0, 0],
    [1, 1],
    [1.01, 1],
  ]);
  const svg = await points({ values, names: ['alone', 'left', 'right'] }).toSVG();
  const [one, other] = [textOf(svg, 'left'), textOf(svg, 'right')];
  expect(Math.max(Math.abs(one.x - other.x) / 30, Math.abs(one.y - other.y) / 11)).toBeGreaterThan(1);
});

/** The colours of a heat map's cells, row after row, and those of the texts in them. */
async function coloursOf(values: number[][], domain?: readonly [number, number]) {
  const columns = values[0]!.map((_, i) => `${i}`);
  const chart = { rows: values.map((_, i) => `${i}`), columns, values, ...(domain && { domain }) };
  const svg = await heatMap(chart).toSVG();
  const fills = (mark: string) =>
    [...svg.matchAll(new RegExp(`aria-roledescription="${mark} mark"[^>]* fill="([^"]+)"`, 'g'))].map(
      ([, fill]) => fill,
    );
  return { cells: fills('rect'), texts: fills('text') };
}
const [WHITE, DARK] = ['rgb(255, 255, 255)', 'rgb(8, 48, 107)'];

it('values of one sign have one colour, and those of both two', async () => {
  expect((await coloursOf([[0, 2]])).cells).toEqual([WHITE, DARK]);
  expect((await coloursOf([[0, -2]])).cells).toEqual([WHITE, DARK]);
  expect((await coloursOf([[0, 0]])).cells).toEqual([WHITE, WHITE]);
  expect((await coloursOf([[-2, 0, 2]])).cells).toEqual([DARK, WHITE, 'rgb(140, 45, 4)']);
});

it('texts are white on dark cells, wherever the colours begin and end', async () => {
  expect(await coloursOf([[5, 6, 10, 12]], [5, 10])).toMatchObject({
    cells: [WHITE, expect.anything(), DARK, DARK],
    texts: ['black', 'black', 'white', 'white'],
  });
  expect((await coloursOf([[-10, -2, 2]], [-10, 2])).texts).toEqual(['white', 'black', 'white']);
  expect((await coloursOf([[-10, -6]], [-10, -5])).texts).toEqual(['white', 'black']);
});

it('names of columns stand upright where all fit', async () => {
  const chart = { rows: ['a'], columns: ['0', '1'], values: [[1, 2]] };
  expect(await heatMap(chart).toSVG()).not.toContain('rotate(315)');
  expect(await heatMap({ ...chart, columns: ['Senso-ji', 'x'] }).toSVG()).toContain('rotate(315)');
});
