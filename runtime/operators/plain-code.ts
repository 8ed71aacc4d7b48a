import { isPlainObject } from '../tracing/plain-object.ts';
import { closing, divided, isClosing, isName, opening, tokensOf } from './code-tokens.ts';

/*
 * Code that was not compiled takes any value of a trace for true, and for another than all others: JavaScript asks an
 * object nothing there. So its text is looked through for places where it would. What the text does not tell (what a
 * function gives that it calls) counts as a value of the trace where one goes in.
 */

/** Where a function asks what only the run knows: `if (c)`, `c ?`, `c ===`. */
export type Question = string;

/** Members of tensors and lists that are known while a block is built. */
const KNOWN = new Set('shape dtype length ndim dims size path name dim numel keys'.split(' '));
/** Functions that tell what kind of value they are given: `isArray`, `isTensor`. */
const TELLING = /^(is[A-Z]|keys$)/;
/** What a module has to do with the run. */
const OF_RUN = new Set('output outputs input inputs weight bias'.split(' '));
/** Methods that look a value up. */
const LOOKING = new Set('includes indexOf lastIndexOf has get delete'.split(' '));
/** Functions of Number and Object that answer for a number otherwise than for what stands for one. */
const OF_NUMBERS = new Set('Number.isFinite Number.isInteger Number.isNaN Number.isSafeInteger Object.is'.split(' '));
/** Types that a number may or may not be of. */
const OF_LANGUAGE = new Set('Object Number Boolean Function'.split(' '));
/** Methods that ask what a function gives by its truth. */
const DECIDED = new Set('filter find findIndex findLast findLastIndex some every'.split(' '));
/** Methods that put values into their receiver. */
const STORING = new Set('push unshift set add fill splice'.split(' '));

const CONNECTIVES = new Set(['&&', '||', '??']);
const COMPARISONS = new Set(['===', '!==', '==', '!=', '<', '>', '<=', '>=', 'instanceof', 'in']);
const EQUALITIES = new Set(['===', '!==', '==', '!=']);
const ASSIGNMENTS = new Set('= += -= *= /= %= **= &= |= ^= <<= >>= >>>= &&= ||= ??='.split(' '));
const STATEMENTS = new Set(
  'return case throw else do const let var if for while switch try function class yield break continue'.split(' '),
);
/** What an operand of a question does not go beyond. */
const EDGES = new Set([',', ';', '=>', '?', ':', ...CONNECTIVES, ...COMPARISONS, ...ASSIGNMENTS, ...STATEMENTS]);
const ENDS = new Set([',', ';']);
const ONLY_COMMA = new Set([',']);
const ONLY_SEMICOLON = new Set([';']);
const ONLY_EQUALS = new Set(['=']);
const BRACKETS = new Set(['(', '[', '{']);

type Tokens = readonly string[];

/** Whether a value is one of a trace, holds one or gives one. */
export type Holds = (value: unknown) => boolean;

/** Where a function asks, of whose arguments some are values of the trace; null for what is none, or may do so. */
export type Other = (fn: unknown, areTraced: readonly boolean[]) => Question | null;

/** Names that are or hold values of a trace, with what they are where that is known. */
type Traced = Map<string, unknown>;

/** What a name is that gets its value in the function. */
const SOMETHING = Symbol('something');

/** The text of a function. */
export class PlainCode {
  private readonly tokens: Tokens;
  private readonly parameters: readonly Tokens[];
  private readonly body: number;

  constructor(text: string) {
    const tokens = withoutZeros(tokensOf(text));
    const isClass = tokens[0] === 'class';
    const start = isClass ? Math.max(0, tokens.indexOf('constructor')) : 0;
    const arrow = tokens.indexOf('=>', start);
    const bracket = tokens.indexOf('(', start);
    const isBare = arrow >= 0 && (bracket < 0 || arrow < bracket);
    const end = isBare ? arrow : bracket < 0 ? 0 : closing(tokens, bracket);
    const list = isBare ? tokens.slice(arrow - 1, arrow) : tokens.slice(bracket + 1, end);
    this.parameters = divided(list, ONLY_COMMA);
    this.body = end;
    const isOfClass = isClass && tokens[start] === 'constructor';
    this.tokens = isOfClass ? tokens.slice(0, closing(tokens, tokens.indexOf('{', end)) + 1) : isClass ? [] : tokens;
  }

  /**
   * The first place where it asks a value of the trace.
   * @param other the same of a function that it is given, and hands one on to
   */
  question(receiver: unknown, values: readonly unknown[], holds: Holds, other: Other = () => null): Question | null {
    const traced: Traced = new Map(holds(receiver) ? [['this', receiver]] : []);
    for (const [i, parameter] of this.parameters.entries()) {
      const isRest = parameter[0] === '...';
      const [pattern = [], initial = []] = divided(parameter, ONLY_EQUALS);
      this.bind(pattern, isRest ? values.slice(i) : values[i], holds, traced);
      if (this.mayBeTraced(initial, traced, holds)) for (const one of bound(pattern)) traced.set(one, SOMETHING);
    }
    for (let size = -1; size < traced.size; ) {
      size = traced.size;
      this.follow(traced, holds);
    }
    for (let i = this.body; i < this.tokens.length; i++) {
      const found = this.questionAt(i, traced, holds);
      if (found !== null) return found;
    }
    for (const [i, [name, ...more]] of this.parameters.entries()) {
      if (more.length > 0 || !isName(name)) continue;
      for (const given of this.callsOf(name)) {
        const areTraced = given.map((one) => this.mayBeTraced(one, traced, holds));
        const found = areTraced.includes(true) ? other(values[i], areTraced) : null;
        if (found !== null) return found;
      }
    }
    return null;
  }

  /** The names of a parameter, of what it is given. */
  private bind(pattern: Tokens, value: unknown, holds: Holds, traced: Traced): void {
    if (!holds(value)) return;
    if (pattern[0] !== '{' || !isPlainObject(value)) {
      for (const name of bound(pattern)) traced.set(name, pattern.length === 1 ? value : SOMETHING);
      return;
    }
    for (const part of divided(pattern.slice(1, -1), ONLY_COMMA)) {
      const [names = []] = divided(part, ONLY_EQUALS);
      const held = names[0] === '...' ? value : value[names[0] ?? ''];
      if (holds(held)) for (const name of bound(names)) traced.set(name, names.length === 1 ? held : SOMETHING);
    }
  }

  /** Adds the names that get values of the trace. */
  private follow(traced: Traced, holds: Holds): void {
    const { tokens } = this;
    for (let i = this.body; i < tokens.length; i++) {
      const token = tokens[i]!;
      if (token === 'const' || token === 'let' || token === 'var') this.followDeclaration(i + 1, traced, holds);
      else if (token === '=>')
        this.followParameters(tokens[i - 1] === ')' ? opening(tokens, i - 1) : i - 1, i, traced, holds);
      else if (token === 'function') {
        const start = tokens.indexOf('(', i);
        this.followParameters(start, closing(tokens, start) + 1, traced, holds, i);
      } else if (ASSIGNMENTS.has(token)) {
        const root = tokens[this.chainStart(i - 1)];
        if (isName(root) && this.mayBeTraced(this.right(i + 1, ENDS), traced, holds)) traced.set(root, SOMETHING);
      } else if (STORING.has(token) && tokens[i - 1] === '.' && tokens[i + 1] === '(') {
        const root = tokens[this.chainStart(i)];
        if (isName(root) && this.mayBeTraced(tokens.slice(i + 2, closing(tokens, i + 1)), traced, holds))
          traced.set(root, SOMETHING);
      }
    }
  }

  private followDeclaration(at: number, traced: Traced, holds: Holds): void {
    const { tokens } = this;
    for (let i = at; ; ) {
      const end = BRACKETS.has(tokens[i]!) ? closing(tokens, i) : i;
      const names = bound(tokens.slice(i, end + 1));
      if (tokens[end + 1] !== '=' && tokens[end + 1] !== 'of') return;
      const value = this.right(end + 2, ENDS);
      if (this.mayBeTraced(value, traced, holds)) for (const name of names) traced.set(name, SOMETHING);
      i = end + 2 + value.length;
      if (tokens[i] !== ',') return;
      i++;
    }
  }

  /** What a function is called with, by its name, each time. */
  private callsOf(name: string | undefined): readonly (readonly Tokens[])[] {
    const { tokens } = this;
    if (!isName(name)) return [];
    return tokens.flatMap((token, i) => {
      const isCall = token === name && tokens[i + 1] === '(' && i > this.body && !isMemberName(tokens, i);
      if (!isCall || tokens[i - 1] === 'function') return [];
      return [divided(tokens.slice(i + 2, closing(tokens, i + 1)), ONLY_COMMA)];
    });
  }

  /** The parameters of a function that is called with a value of the trace, or given to a method of one. */
  private followParameters(start: number, end: number, traced: Traced, holds: Holds, from = start): void {
    const { tokens } = this;
    let at = from - 1;
    const calls = this.callsOf(tokens[from] === 'function' ? tokens[from + 1] : nameOf(tokens, from));
    if (calls.some((given) => given.some((one) => this.mayBeTraced(one, traced, holds)))) {
      for (const name of bound(tokens.slice(start, end))) traced.set(name, SOMETHING);
    }
    while (at >= this.body && !BRACKETS.has(tokens[at]!))
      at = isClosing(tokens[at]!) ? opening(tokens, at) - 1 : at - 1;
    if (at < this.body || tokens[at] !== '(') return;
    const callee = tokens.slice(this.chainStart(at - 1), at);
    if (callee.length === 0 || !this.mayBeTraced(callee, traced, holds)) return;
    for (const name of bound(tokens.slice(start, end))) traced.set(name, SOMETHING);
  }

  private questionAt(i: number, traced: Traced, holds: Holds): Question | null {
    const { tokens } = this;
    const token = tokens[i]!;
    const isMember = tokens[i - 1] === '.' || tokens[i - 1] === '?.';
    if (!isMember && tokens[i + 1] === '(') {
      const inside = tokens.slice(i + 2, closing(tokens, i + 1));
      const shown = `${token} (${shortened(inside)})`;
      if (token === 'if' || token === 'while') return this.asks(inside, traced, holds) ? shown : null;
      if (token === 'for') {
        const parts = divided(inside, ONLY_SEMICOLON);
        return parts.length === 3 && this.asks(parts[1]!, traced, holds) ? shown : null;
      }
      if (token === 'switch') return this.mayBeTraced(inside, traced, holds) ? shown : null;
      if (token === 'Boolean') return this.asks(inside, traced, holds) ? shown : null;
    }
    if (token === '?' || token === '&&' || token === '||' || token === '&&=' || token === '||=') {
      const operand = this.left(i - 1);
      return this.asks(operand, traced, holds) ? `${shortened(operand)} ${token}` : null;
    }
    if (token === '!') {
      const operand = this.right(i + 1, EDGES);
      return this.asks(operand, traced, holds) ? `!${shortened(operand)}` : null;
    }
    if (EQUALITIES.has(token)) {
      const sides = [this.left(i - 1), this.right(i + 1, EDGES)];
      if (sides.some(isTelling)) {
        const kind =
          sides.some(([first]) => first === 'typeof') &&
          sides.some(([text]) => /^.(number|boolean).$/.test(text ?? ''));
        const asked = kind && sides.find(([first]) => first === 'typeof');
        return asked && this.mayBeTraced(asked.slice(1), traced, holds)
          ? sides.map(shortened).join(` ${token} `)
          : null;
      }
      return sides.some((side) => this.mayBeTraced(side, traced, holds))
        ? sides.map(shortened).join(` ${token} `)
        : null;
    }
    if (token === 'instanceof' && OF_LANGUAGE.has(tokens[i + 1] ?? '')) {
      const operand = this.left(i - 1);
      return this.mayBeTraced(operand, traced, holds) ? `${shortened(operand)} instanceof ${tokens[i + 1]}` : null;
    }
    if (isMember && tokens[i + 1] === '(' && OF_NUMBERS.has(`${tokens[i - 2]}.${token}`)) {
      const given = tokens.slice(i + 2, closing(tokens, i + 1));
      return this.mayBeTraced(given, traced, holds) ? `${tokens[i - 2]}.${token}(${shortened(given)})` : null;
    }
    if (isMember && DECIDED.has(token) && tokens[i + 1] === '(') {
      const given = this.given(i + 2).find((one) => this.asks(one, traced, holds));
      if (given) return `${token}(… => ${shortened(given)})`;
    }
    if (isMember && LOOKING.has(token) && tokens[i + 1] === '(') {
      const given = tokens.slice(i + 2, closing(tokens, i + 1));
      return this.mayBeTraced(given, traced, holds) ? `${token}(${shortened(given)})` : null;
    }
    if (
      token === 'filter' &&
      tokens[i + 2] === 'Boolean' &&
      this.mayBeTraced(tokens.slice(this.chainStart(i), i), traced, holds)
    )
      return 'filter(Boolean)';
    return null;
  }

  /** What a function gives that begins at `at`: the expressions that it returns. */
  private given(at: number): readonly Tokens[] {
    const { tokens } = this;
    const start = tokens[at] === 'function' ? tokens.indexOf('(', at) : at;
    const end = tokens[start] === '(' ? closing(tokens, start) : start;
    const body = tokens[at] === 'function' ? end + 1 : end + 2;
    if (tokens[at] !== 'function' && tokens[end + 1] !== '=>') return [];
    if (tokens[body] !== '{') return [this.right(body, ENDS)];
    const inside = Array.from({ length: closing(tokens, body) - body }, (_, i) => body + i);
    return inside.filter((i) => tokens[i] === 'return').map((i) => this.right(i + 1, ENDS));
  }

  /** Whether it is asked of an expression, by its truth, what only the run knows. */
  private asks(operand: Tokens, traced: Traced, holds: Holds): boolean {
    return divided(operand, CONNECTIVES).some((part) => {
      if (part[0] === '(' && closing(part, 0) === part.length - 1) return this.asks(part.slice(1, -1), traced, holds);
      if (part[0] === '!' || divided(part, COMPARISONS).length > 1) return false;
      return this.mayBeTraced(part, traced, holds);
    });
  }

  private mayBeTraced(tokens: Tokens, traced: Traced, holds: Holds): boolean {
    for (let i = 0; i < tokens.length; i++) {
      const token = tokens[i]!;
      if (token === 'typeof') i++;
      const at = tokens[i]!;
      if (at !== 'this' && !isName(at)) continue;
      const before = tokens[i - 1];
      if (before === '.' || before === '?.') continue;
      if (tokens[i + 1] === ':' && (before === '{' || before === ',')) continue;
      const chain = chainAt(tokens, i);
      if (token === 'typeof') i = chain.end;
      else if (chain.members.some((member) => KNOWN.has(member))) i = chain.end;
      else if (isOf(traced, chain.members, holds) || chain.members.some((member) => OF_RUN.has(member))) return true;
      else if (chain.members.some((member) => TELLING.test(member))) i = chain.end;
    }
    return false;
  }

  /** Where a chain of members, calls and indices begins that ends at `at`. */
  private chainStart(at: number): number {
    const { tokens } = this;
    let i = at;
    for (;;) {
      if (tokens[i] === ')' || tokens[i] === ']') {
        i = opening(tokens, i);
        const before = tokens[i - 1];
        const goesOn =
          before !== undefined && (isName(before) || before === ')' || before === ']' || before === 'this');
        if (!goesOn && !isMemberName(tokens, i - 1)) return i;
        i--;
      } else if (tokens[i - 1] === '.' || tokens[i - 1] === '?.') i -= 2;
      else return i;
    }
  }

  private left(at: number): Tokens {
    const { tokens } = this;
    let i = at;
    while (i >= this.body && !EDGES.has(tokens[i]!) && !BRACKETS.has(tokens[i]!) && tokens[i] !== '}') {
      i = isClosing(tokens[i]!) ? opening(tokens, i) - 1 : i - 1;
    }
    return tokens.slice(i + 1, at + 1);
  }

  private right(at: number, edges: ReadonlySet<string>): Tokens {
    const { tokens } = this;
    let i = at;
    while (i < tokens.length && !isClosing(tokens[i]!) && !edges.has(tokens[i]!)) {
      if (i > at && STATEMENTS.has(tokens[i]!) && tokens[i] !== 'function' && tokens[i] !== 'class') break;
      i = BRACKETS.has(tokens[i]!) ? closing(tokens, i) + 1 : i + 1;
    }
    return tokens.slice(at, i);
  }
}

/** `(0, module.f)(x)`, as compilers write the call of what is imported, as `module.f(x)`. */
function withoutZeros(tokens: Tokens): Tokens {
  const result: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === '(' && tokens[i + 1] === '0' && tokens[i + 2] === ',') {
      const end = closing(tokens, i);
      result.push(...tokens.slice(i + 3, end));
      i = end;
    } else result.push(tokens[i]!);
  }
  return result;
}

/** A name with the members that are taken of it, one after the other. */
function chainAt(tokens: Tokens, at: number): { readonly members: readonly string[]; readonly end: number } {
  const members = [tokens[at]!];
  let i = at + 1;
  for (;;) {
    if (tokens[i] === '.' || (tokens[i] === '?.' && !BRACKETS.has(tokens[i + 1]!))) members.push(tokens[++i] ?? '');
    else if (tokens[i] === '(' || tokens[i] === '[') i = closing(tokens, i);
    else if (tokens[i] !== '?.') return { members, end: i - 1 };
    i++;
  }
}

function isMemberName(tokens: Tokens, at: number): boolean {
  return tokens[at - 1] === '.' || tokens[at - 1] === '?.';
}

/** The name that an arrow function gets which begins at `at`. */
function nameOf(tokens: Tokens, at: number): string | undefined {
  const before = tokens[at - 1] === 'async' ? at - 1 : at;
  return tokens[before - 1] === '=' ? tokens[before - 2] : undefined;
}

/** The names that a pattern or a list of parameters declares. */
function bound(pattern: Tokens): readonly string[] {
  return pattern.filter((token, i) => isName(token) && pattern[i + 1] !== ':' && pattern[i - 1] !== '.');
}

/** Whether an equality with it asks for the kind of a value alone: no value of a trace is undefined, null or a text. */
function isTelling(operand: Tokens): boolean {
  const [first] = operand;
  if (first === 'typeof') return false;
  return (
    operand.length <= 2 && (first === 'undefined' || first === 'null' || first === 'void' || /^["'`]/.test(first ?? ''))
  );
}

/** Whether what a chain begins with holds values of the trace, and what is taken of it may be one of them. */
function isOf(traced: Traced, [root, ...members]: readonly string[], holds: Holds): boolean {
  if (!traced.has(root!)) return false;
  const value = traced.get(root!);
  const [first] = members;
  const isRecord = first !== undefined && (isPlainObject(value) || root === 'this');
  const property = isRecord ? Object.getOwnPropertyDescriptor(Object(value), first) : undefined;
  return !property || !('value' in property) || holds(property.value);
}

function shortened(tokens: Tokens): string {
  const text = tokens
    .join(' ')
    .replace(/ ?(\?\.|[.()[\]]) ?/g, '$1')
    .replace(/ ,/g, ',');
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

const known = new WeakMap<object, PlainCode>();

/**
 * The first place where a function that was not compiled asks a value of the trace what only the run knows; null if its
 * text has none.
 */
export function questionIn(
  fn: object,
  receiver: unknown,
  values: readonly unknown[],
  holds: Holds,
  other: Other,
): Question | null {
  let code = known.get(fn);
  if (!code) {
    code = new PlainCode(Function.prototype.toString.call(fn));
    known.set(fn, code);
  }
  return code.question(receiver, values, holds, other);
}
