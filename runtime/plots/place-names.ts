/** A point of a picture, in pixels from its upper left corner. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

interface Box {
  readonly middle: Place;
  readonly width: number;
}

const LETTER = 6;
const HEIGHT = 11;
const DOT = 8;

/** The middles of names beside points: above, below, right or left of its point, where neither a point nor an earlier name is. */
export function placeNames(points: readonly Place[], names: readonly string[]): Place[] {
  const taken: Box[] = points.map((middle) => ({ middle, width: DOT }));
  return points.map(({ x, y }, i) => {
    const width = LETTER * names[i]!.length;
    const beside = width / 2 + 9;
    const places = [
      { x, y: y - 12 },
      { x, y: y + 12 },
      { x: x + beside, y },
      { x: x - beside, y },
    ];
    const middle = places.find((place) => !taken.some((box) => overlap(box, { middle: place, width }))) ?? places[0]!;
    taken.push({ middle, width });
    return middle;
  });
}

function overlap(one: Box, other: Box): boolean {
  const [dx, dy] = [Math.abs(one.middle.x - other.middle.x), Math.abs(one.middle.y - other.middle.y)];
  return dx < (one.width + other.width) / 2 && dy < HEIGHT;
}
