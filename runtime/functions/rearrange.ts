import type { Operand, Traced } from '../types/tensor.ts';
import { floorDivide, mul } from './arithmetic.ts';
import { fail, operand, sizesOf } from './nodes.ts';
import { permute, reshape } from './shaping.ts';
import { withSignature } from './with-signature.ts';

/** The axes at each place of one side: several in brackets are one dimension. */
type Side = readonly (readonly string[])[];

const ELLIPSIS = '...';
/** The place of dimensions that stay apart. */
const APART: readonly string[] = [ELLIPSIS];

/**
 * Reorders, joins and splits dimensions by their names, as einops' `rearrange`:
 * `rearrange(z, 'b t (h d) -> b h t d', { h: 12 })`. `1` and `()` are dimensions of size 1, `...` all that are not named.
 * What sizes cannot be worked out is given.
 */
export const rearrange = withSignature(
  'rearrange',
  (input: Operand, pattern: string, sizes: Readonly<Record<string, number>> = {}): Traced => {
    const x = operand(input);
    const shape = sizesOf(x, 'rearrange');
    const [left, right, ...more] = pattern.split('->').map((side) => parse(side, pattern));
    if (!left || !right || more.length > 0) {
      fail(`rearrange: '${pattern}' has to have one '->', between what is there and what is to be`);
    }
    const unnamed = left.some((names) => names.includes(ELLIPSIS)) ? shape.length - (left.length - 1) : 0;
    const [from, to] = [left, right].map((side) => expanded(side, Math.max(unnamed, 0))) as [Side, Side];
    if (shape.length !== from.length) {
      fail(`rearrange: '${pattern}' starts from ${from.length} dimensions, and the tensor has ${shape.length}`);
    }
    const [before, after] = [from.flat(), to.flat()];
    const unknown = Object.keys(sizes).find((name) => !before.includes(name));
    if (unknown !== undefined) fail(`rearrange: the size of '${unknown}' is given, which is not in '${pattern}'`);
    const alone = [...before, ...after].find((name) => before.includes(name) !== after.includes(name));
    if (alone !== undefined) fail(`rearrange: '${alone}' stands on one side of '${pattern}' only`);
    const known = new Map<string, number>(Object.entries(sizes));
    from.forEach((names, i) => {
      split(names, shape[i]!, known, pattern);
    });
    const sizeOf = (name: string) => known.get(name)!;
    const apart = reshape(x, before.map(sizeOf));
    const turned = permute(
      apart,
      after.map((name) => before.indexOf(name)),
    );
    return reshape(
      turned,
      to.map((names) => names.map(sizeOf).reduce(times, 1)),
    );
  },
);

function parse(side: string, pattern: string): Side {
  const places: (readonly string[])[] = [];
  for (const [, group, name] of side.matchAll(/\(([^()]*)\)|(\S+)/g)) {
    const names = (group ?? name!).split(/\s+/).filter((one) => one !== '' && one !== '1');
    const wrong = names.find((one) => one !== ELLIPSIS && !/^[A-Za-z](\w*[A-Za-z0-9])?$/.test(one));
    if (wrong !== undefined) fail(`rearrange: '${wrong}' in '${pattern}' is not the name of an axis`);
    places.push(name === ELLIPSIS ? APART : names);
  }
  const twice = places.flat().find((name, i, all) => all.indexOf(name) !== i);
  if (twice !== undefined) fail(`rearrange: '${twice}' stands twice on one side of '${pattern}'`);
  return places;
}

/** With names for the dimensions that `...` stands for, which no axis of the user can have. */
function expanded(side: Side, count: number): Side {
  const names = Array.from({ length: count }, (_, i) => `${ELLIPSIS}${i}`);
  return side.flatMap((place) => {
    if (place === APART) return names.map((name) => [name]);
    return [place.flatMap((name) => (name === ELLIPSIS ? names : [name]))];
  });
}

/** Notes the sizes of the axes that one dimension is made of; one of them may be worked out. */
function split(names: readonly string[], size: number, known: Map<string, number>, pattern: string): void {
  const open = names.filter((name) => !known.has(name));
  if (open.length > 1) {
    fail(`rearrange: give the size of '${open[0]}' or '${open[1]}' of '${pattern}': { ${open[0]}: … }`);
  }
  const given = names.flatMap((name) => known.get(name) ?? []).reduce(times, 1);
  // What only the run will tell is checked there.
  const isKnown = typeof size === 'number' && typeof given === 'number';
  if (isKnown && !(open.length === 0 ? size === given : Number.isInteger(size / given))) {
    const wanted = names.length > 0 ? `'(${names.join(' ')})'` : '1';
    fail(
      `rearrange: a dimension of ${size} cannot be ${wanted} of '${pattern}'${given > 1 ? `, which takes ${given}` : ''}`,
    );
  }
  if (open.length === 1) known.set(open[0]!, isKnown ? size / given : given === 1 ? size : floorDivide(size, given));
}

/** Sizes may be traced numbers. */
function times(a: number, b: number): number {
  return typeof a === 'number' && typeof b === 'number' ? a * b : mul(a, b);
}
