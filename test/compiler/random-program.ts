/** A program of nested branches, loops and jumps, the same for the same seed, whose every step is logged. */
export function randomProgram(seed: number, mayAwait: boolean): string {
  return new Generator(seed, mayAwait).program();
}

interface Context {
  readonly depth: number;
  readonly loops: number;
  /** Innermost construct that an unlabelled `break` leaves. */
  readonly breakable: boolean;
  readonly labels: readonly { name: string; isLoop: boolean }[];
}

class Generator {
  #state: number;
  #names = 0;
  #logs = 0;
  readonly #mayAwait: boolean;

  constructor(seed: number, mayAwait: boolean) {
    this.#state = seed;
    this.#mayAwait = mayAwait;
  }

  program(): string {
    const body = this.#list({ depth: 0, loops: 0, breakable: false, labels: [] }, ['a', 'b', 'c'], 5);
    return `let fuel = 60;
const tick = (what: string) => { if (fuel-- < 0) throw new Error('out of fuel'); log(what, a, b, c); return true; };
let a = 1, b = 2; var c: any = 3;
const bump = () => { a += 1; return a; };
${body}
log('end', a, b, c);
return [a, b, c];`;
  }

  #list(context: Context, names: readonly string[], length: number): string {
    let known = names;
    const lines: string[] = [];
    for (let i = 0; i < 1 + this.#below(length); i++) {
      if (this.#below(6) === 0) {
        const name = `v${this.#names++}`;
        const keyword = this.#pick(['let', 'var', 'let']);
        lines.push(`${keyword} ${name} = ${this.#value(known)};`);
        known = [...known, name];
      } else lines.push(this.#statement({ ...context, depth: context.depth + 1 }, known));
    }
    return lines.join('\n');
  }

  #statement(context: Context, names: readonly string[]): string {
    const simple = () => this.#simple(context, names);
    if (context.depth > 5) return simple();
    const body = (change: Partial<Context> = {}) =>
      `{ ${this.#isAwaiting()}tick('${this.#logs++}');\n${this.#list({ ...context, ...change }, names, 3)}\n}`;
    const loop = (labels = context.labels) => body({ loops: context.loops + 1, breakable: true, labels });
    switch (this.#below(17)) {
      case 0:
      case 1:
        return `if (${this.#test(names)}) ${body()}`;
      case 2:
        return `if (${this.#test(names)}) ${body()} else ${this.#below(2) ? body() : `if (${this.#test(names)}) ${body()}`}`;
      case 3:
        return `if (${this.#test(names)}) ${simple()} else ${simple()}`;
      case 4:
        return `for (const x of [1, 2, 3]) ${loop()}`;
      case 5:
        return `for (let i = 0; i < 3; i++) ${loop()}`;
      case 6:
        return `while (tick('w') && ${this.#test(names)}) ${loop()}`;
      case 7:
        return `do ${loop()} while (tick('d') && ${this.#test(names)});`;
      case 8: {
        const name = `L${this.#names++}`;
        return `${name}: for (const y of [1, 2, 3]) ${loop([...context.labels, { name, isLoop: true }])}`;
      }
      case 9: {
        const name = `M${this.#names++}`;
        return `${name}: ${body({ labels: [...context.labels, { name, isLoop: false }] })}`;
      }
      case 10:
        return body();
      case 11:
        return `try ${body()} catch (error: any) { log('caught', error.message ?? error); } finally { ${this.#below(3) ? `tick('f');` : simple()} }`;
      case 12:
        return `switch (${this.#value(names)}) { case 1: ${this.#list({ ...context, breakable: true }, names, 2)} case 2: ${simple()} break; default: ${simple()} }`;
      case 13:
        return `for (const k in { p: 1, q: 2 }) ${loop()}`;
      default:
        return simple();
    }
  }

  #simple(context: Context, names: readonly string[]): string {
    const guard = this.#below(2) ? `if (${this.#test(names)}) ` : '';
    const loops = context.labels.filter(({ isLoop }) => isLoop);
    switch (this.#below(11)) {
      case 0:
        if (context.loops > 0) return `${guard}continue;`;
        break;
      case 1:
        if (context.breakable) return `${guard}break;`;
        break;
      case 2:
        if (loops.length > 0) return `${guard}continue ${this.#pick(loops).name};`;
        break;
      case 3:
        if (context.labels.length > 0) return `${guard}break ${this.#pick(context.labels).name};`;
        break;
      case 4:
        return `if (${this.#test(names)}) return ${this.#value(names)};`;
      case 5:
        return `${guard}${this.#isAwaiting()}bump();`;
      case 6:
        return `if (${this.#test(names)} && a > 4) throw ${this.#value(names)};`;
      case 7:
        return `${this.#pick(names)}++;`;
      default:
    }
    return `${guard}${this.#pick(names)} ${this.#pick(['=', '+=', '-=', '||=', '&&='])} ${this.#value(names)};`;
  }

  #test(names: readonly string[]): string {
    return this.#pick([
      `${this.#value(names)} > ${this.#below(4)}`,
      `${this.#pick(names)} % 2 === ${this.#below(2)}`,
      `${this.#value(names)} && tick('t')`,
      `!(${this.#value(names)} < 2)`,
    ]);
  }

  #value(names: readonly string[]): string {
    const value = this.#pick([
      this.#pick(names),
      `${this.#below(4)}`,
      `${this.#pick(names)} - ${this.#below(3)}`,
      `(${this.#pick(names)} > 2 ? ${this.#pick(names)} : (c = ${this.#below(3)}))`,
    ]);
    return this.#mayAwait && this.#below(12) === 0 ? `(await ${value})` : value;
  }

  #isAwaiting(): string {
    return this.#mayAwait && this.#below(4) === 0 ? 'await ' : '';
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)]!;
  }

  /** An integer from 0 to `limit - 1` (mulberry32). */
  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
}
