import { types } from 'node:util';
import { isPlainObject } from '../tracing/plain-object.ts';
import { closing, divided, isClosing, isName, opening, tokensOf } from './code-tokens.ts';

/*
 * Code that was not compiled takes any value of a trace for true, and for another than all others: JavaScript asks an
 * object nothing there. So its text is looked through for places where it would. What the text does not tell (what a
 * function gives that it calls) counts as a value of the trace where one goes in.
 */

/** Where a function asks what only the run knows: `if (c)`, `c ?`, `c ===`; or to which one it hands a value that may ask. */
export type Question = string | { readonly handedTo: string };

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
/** Methods of lists that call a function with the elements. */
const GOING_THROUGH = new Set([...DECIDED, ...'map flatMap forEach reduce reduceRight sort toSorted'.split(' ')]);
/** Methods of functions that call them. */
const CALLING = new Set(['call', 'apply']);
const DECLARING = new Set(['const', 'let', 'var', 'class']);
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

/** What a function does not define itself: where a function asks that it hands values of the trace to. */
export interface Others {
  /** Of one that is at hand; null for what is none, or may ask. */
  readonly of: (fn: unknown, areTraced: readonly boolean[], receiver: unknown) => Question | null;
  /** Of one of which only the name is known: one that the file declares or imports. */
  readonly named: (name: string) => Question | null;
}

const NO_OTHERS: Others = { of: () => null, named: () => null };

/** Names that are or hold values of a trace, with what they are where that is known. */
type Traced = Map<string, unknown>;

/** What is called with values of the trace, and which of the arguments may be some. */
interface Handed {
  readonly names: readonly string[];
  readonly areTraced: readonly boolean[];
}

/** What a name is that gets its value in the function. */
const SOMETHING = Symbol('something');

/** The text of a function. */
export class PlainCode {
  private readonly tokens: Tokens;
  private readonly parameters: readonly Tokens[];
  private readonly body: number;
  private readonly declared: ReadonlySet<string>;

  constructor(text: string) {
    const tokens = asWritten(tokensOf(text));
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
    this.declared = this.namesOf();
  }

  /**
   * The first place where it asks a value of the trace.
   * @param others the same of what it hands one on to
   */
  question(receiver: unknown, values: readonly unknown[], holds: Holds, others = NO_OTHERS): Question | null {
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
    for (let i = this.body; i < this.tokens.length; i++) {
      const handed = this.handedAt(i, traced, holds);
      const found = handed && this.questionOf(handed, receiver, values, others);
      if (found) return found;
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

  /** What is called at a place with values of the trace, by a name and members of it. */
  private handedAt(i: number, traced: Traced, holds: Holds): Handed | null {
    const { tokens } = this;
    const isPrivate = tokens[i]!.startsWith('#') && isMemberName(tokens, i);
    const isRoot = (isName(tokens[i]) || tokens[i] === 'this') && !isMemberName(tokens, i) && !isKey(tokens, i);
    // what the compiler has written calls by an operator, which looks at what it calls
    const isOperator = tokens[i]!.startsWith('__o');
    if (!(isRoot || isPrivate) || isOperator || tokens[i - 1] === 'function') return null;
    const names = [tokens[i]!];
    let at = i + 1;
    for (; isMemberSign(tokens[at]) && isName(tokens[at + 1]); at += 2) names.push(tokens[at + 1]!);
    if (tokens[at] === '?.') at++;
    if (tokens[at] !== '(') return null;
    const given = divided(tokens.slice(at + 1, closing(tokens, at)), ONLY_COMMA);
    const areTraced = given.map((one) => this.mayBeTraced(one, traced, holds));
    const method = names.at(-1)!;
    if (CALLING.has(method) && names.length > 1) {
      return areTraced.includes(true) ? { names: names.slice(0, -1), areTraced: areTraced.slice(1) } : null;
    }
    // a method that calls what it is given with the elements of a list
    const callback = given[0] ?? [];
    if (
      GOING_THROUGH.has(method) &&
      callback.length === 1 &&
      isName(callback[0]) &&
      isOf(traced, names.slice(0, 1), holds)
    ) {
      return { names: callback, areTraced: [true, true] };
    }
    return areTraced.includes(true) ? { names, areTraced } : null;
  }

  private questionOf(
    { names, areTraced }: Handed,
    receiver: unknown,
    values: readonly unknown[],
    others: Others,
  ): Question | null {
    const [root, ...members] = names as readonly [string, ...string[]];
    const place = this.parameters.findIndex(([name, ...more]) => name === root && more.length === 0);
    if (place >= 0 || root === 'this') {
      const on = members.length > 0 ? members.slice(0, -1) : [];
      const held = place >= 0 ? values[place] : receiver;
      const object = memberOf(held, on);
      return others.of(memberOf(held, members), areTraced, members.length > 0 ? object : undefined);
    }
    const isFree = members.length === 0 && !this.declared.has(root) && !this.isMangled(root);
    return isFree ? others.named(root) : null;
  }

  /** Whether a name is one of those that a bundler has made short, all of them: nobody knows what it was. */
  private isMangled(name: string): boolean {
    return [name, ...this.declared].every(({ length }) => length <= 2);
  }

  /** The names that get their values in the function. */
  private namesOf(): ReadonlySet<string> {
    const { tokens, parameters } = this;
    const found = new Set(parameters.flatMap((one) => bound(divided(one, ONLY_EQUALS)[0] ?? [])));
    const add = (start: number, end: number) => {
      for (const name of bound(tokens.slice(start, end))) found.add(name);
    };
    for (const [i, token] of tokens.entries()) {
      if (DECLARING.has(token)) {
        for (let at = i + 1; ; ) {
          const end = BRACKETS.has(tokens[at]!) ? closing(tokens, at) + 1 : at + 1;
          add(at, end);
          const next = tokens[end] === '=' ? end + 1 + this.right(end + 1, ENDS).length : end;
          if (tokens[next] !== ',') break;
          at = next + 1;
        }
      } else if (token === '=>') add(tokens[i - 1] === ')' ? opening(tokens, i - 1) : i - 1, i);
      else if (token === 'function' || token === 'catch') add(i + 1, closing(tokens, tokens.indexOf('(', i)));
    }
    return found;
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
      if (sides.some(isOfKind)) {
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
      else if (chain.members.some(isTelling)) i = chain.end;
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

/**
 * What compilers have added is taken away: of `(0, module.f)(x)`, the call of what is imported, `f(x)` is left, and of
 * `__name((v) => v, 'f')`, which keeps a name, the function.
 */
function asWritten(tokens: Tokens): Tokens {
  const result: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (tokens[i] === '(' && tokens[i + 1] === '0' && tokens[i + 2] === ',') {
      const end = closing(tokens, i);
      result.push(...tokens.slice(tokens[end - 2] === '.' ? end - 1 : i + 3, end));
      i = end;
    } else if (tokens[i] === '__name' && tokens[i + 1] === '(') {
      const end = closing(tokens, i + 1);
      result.push(...asWritten(tokens.slice(i + 2, end - 2)));
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
  return isMemberSign(tokens[at - 1]);
}

function isMemberSign(token: string | undefined): boolean {
  return token === '.' || token === '?.';
}

/** Whether a method of an object or class is declared at `at`: `{ f(x) { … } }`. */
function isKey(tokens: Tokens, at: number): boolean {
  return tokens[at + 1] === '(' && tokens[closing(tokens, at + 1) + 1] === '{';
}

/** What objects of the user hold themselves or by their prototypes, without running code of theirs. */
function memberOf(value: unknown, names: readonly string[]): unknown {
  let held = value;
  for (const name of names) {
    if (Object(held) !== held) return undefined;
    let at = held as object | null;
    while (at && !types.isProxy(at) && !Object.hasOwn(at, name)) at = Object.getPrototypeOf(at) as object | null;
    if (!at || types.isProxy(at)) return undefined;
    held = Object.getOwnPropertyDescriptor(at, name)?.value;
  }
  return held;
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
function isOfKind(operand: Tokens): boolean {
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

/** Whether a function by that name tells what kind of value it is given. */
export function isTelling(name: string): boolean {
  return TELLING.test(name);
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
  others: Others,
): Question | null {
  let code = known.get(fn);
  if (!code) {
    code = new PlainCode(Function.prototype.toString.call(fn));
    known.set(fn, code);
  }
  return code.question(receiver, values, holds, others);
}
