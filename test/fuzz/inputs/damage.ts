import type { Random } from './random.ts';

/** Bytes with one to four changes: bits, values, parts that are cut out, doubled or moved, the end cut off. */
export function damageBytes(bytes: Uint8Array, random: Random): Uint8Array {
  let damaged = Buffer.from(bytes);
  for (let i = 0; i <= random.below(4); i++) {
    if (damaged.length === 0) break;
    const at = random.below(damaged.length);
    const end = Math.min(damaged.length, at + 1 + random.below(64));
    switch (random.below(6)) {
      case 0:
        damaged[at]! ^= 1 << random.below(8);
        break;
      case 1:
        damaged[at] = random.of([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
        break;
      case 2:
        damaged = Buffer.concat([damaged.subarray(0, at), damaged.subarray(end)]);
        break;
      case 3:
        damaged = Buffer.concat([damaged.subarray(0, end), damaged.subarray(at)]);
        break;
      case 4:
        damaged.copyWithin(at, random.below(damaged.length), random.below(damaged.length));
        break;
      default:
        damaged = damaged.subarray(0, at);
    }
  }
  return damaged;
}

/** Values that stand where others should. */
const STRANGE: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e308,
  '',
  'x',
  'a\0b',
  '../x',
  '__proto__',
  'NaN',
  '9223372036854775808',
  true,
  [],
  {},
  [[]],
];

type Holder = Record<string, unknown>;

/** JSON with one to three changes: values replaced, left out, doubled, or taken from elsewhere in it. */
export function damageJson(json: unknown, random: Random): unknown {
  const damaged: unknown = structuredClone(json);
  for (let i = 0; i <= random.below(3); i++) {
    const places = placesIn(damaged);
    const { holder, key } = random.of(places);
    const value = holder[key];
    switch (random.below(6)) {
      case 0:
        holder[key] = random.of(STRANGE);
        break;
      case 1:
        holder[key] = structuredClone(random.of(places).holder[random.of(places).key]);
        break;
      case 2:
        if (Array.isArray(holder)) holder.splice(Number(key), 1);
        else delete holder[key];
        break;
      case 3:
        if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(value));
        else holder[`${key}2`] = structuredClone(value);
        break;
      case 4:
        if (typeof value === 'number') holder[key] = value + random.of([-1, 1, 2, 1000]);
        else if (Array.isArray(value)) value.reverse();
        break;
      default:
        if (typeof value === 'string') {
          const other = random.of(places);
          if (typeof other.holder[other.key] === 'string') holder[key] = other.holder[other.key];
        } else if (Array.isArray(value)) value.length = random.below(value.length + 1);
    }
  }
  return damaged;
}

function placesIn(json: unknown): { holder: Holder; key: string }[] {
  const places: { holder: Holder; key: string }[] = [];
  const open = [json];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    for (const key of Object.keys(value)) {
      const holder = value as Holder;
      places.push({ holder, key });
      open.push(holder[key]);
    }
  }
  return places.length > 0 ? places : [{ holder: { nothing: 0 }, key: 'nothing' }];
}
