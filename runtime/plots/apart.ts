/** Names whose places lie too near to each other, around the middle of these. */
interface Crowd {
  /** The indices of the names. */
  readonly members: readonly number[];
  readonly middle: number;
}

/** Places for names beside values: at the value, or as near as they can be with this gap between neighbours. */
export function apart(values: readonly number[], gap: number): number[] {
  const crowds: Crowd[] = [];
  for (const i of [...values.keys()].sort((a, b) => values[a]! - values[b]!)) {
    let crowd: Crowd = { members: [i], middle: values[i]! };
    for (let below = crowds.at(-1); below && isNear(below, crowd, gap); below = crowds.at(-1)) {
      crowds.pop();
      const members = [...below.members, ...crowd.members];
      crowd = { members, middle: members.reduce((sum, j) => sum + values[j]!, 0) / members.length };
    }
    crowds.push(crowd);
  }
  const places: number[] = [];
  for (const { members, middle } of crowds) {
    for (const [k, i] of members.entries()) places[i] = middle + (k - (members.length - 1) / 2) * gap;
  }
  return places;
}

function isNear(below: Crowd, above: Crowd, gap: number): boolean {
  return above.middle - below.middle < ((below.members.length + above.members.length) / 2) * gap;
}
