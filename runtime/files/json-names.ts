/** Texts, and what opens and closes objects and lists, in the text of a JSON value. */
const PARTS = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/gs;

/** A name that an object in the text of a JSON value has twice, of which `JSON.parse` would keep the last; null if none has. */
export function nameThatStandsTwice(json: string): string | null {
  const open: (Set<string> | null)[] = [];
  let last = '';
  for (const [part] of json.matchAll(PARTS)) {
    if (part === '{') open.push(new Set());
    else if (part === '[') open.push(null);
    else if (part === '}' || part === ']') open.pop();
    else if (part === ':') {
      const name: string = JSON.parse(last);
      const names = open.at(-1);
      if (names?.has(name)) return name;
      names?.add(name);
    }
    last = part;
  }
  return null;
}
