/** A property of an interface, quoted if its name needs it. */
export function member(name: string, type: string): string {
  const isPlain = /^([\p{ID_Start}$_][\p{ID_Continue}$]*|0|[1-9]\d*)$/u.test(name);
  return `readonly ${isPlain ? name : quote(name)}: ${type};`;
}

/** Indices of a list from the start, then from the end. */
export function indices(length: number): number[] {
  return [...Array.from({ length }, (_, i) => i), ...Array.from({ length }, (_, i) => i - length)];
}

/** An object with a property of one type for each number. */
export function numbered(numbers: readonly number[], type: string, indent: number): string {
  return `Readonly<Record<${union(numbers.map(String), indent)}, ${type}>>`;
}

/** A union in lines that are not too long to read. */
export function union(types: readonly string[], indent: number): string {
  if (types.length === 0) return 'never';
  const lines: string[] = [];
  for (const type of types) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + type.length + indent < 110) lines.push(`${lines.pop()} | ${type}`);
    else lines.push(type);
  }
  return lines.length === 1 ? lines[0]! : lines.map((line) => `\n${' '.repeat(indent)}| ${line}`).join('');
}

/** A string literal. */
export function quote(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** Text that does not end the comment it stands in. */
export function clean(text: string): string {
  return text.replaceAll('*/', '*\\/').replace(/\s+/g, ' ');
}
