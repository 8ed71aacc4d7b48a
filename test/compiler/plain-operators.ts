/**
 * The operators contract on plain values alone: what a lowered program must do where nothing is traced. No node is
 * ever built here, so that a difference to the original program is the compiler's.
 */
type Completion =
  | undefined
  | { kind: 'break' | 'continue'; label?: string }
  | { kind: 'return'; value: unknown }
  | { kind: 'throw'; value: unknown };
type State = { names: string[]; get: () => unknown[]; set: (valueAt: (index: number) => unknown) => void } | null;
type Body = (item?: unknown) => Completion;
type Rest = (is: boolean) => Completion;
type Site = { file: string; line: number; column: number };

/** Every operator must know its place; where there is state, its variables must be within reach and settable. */
function check(site: Site, state?: State): void {
  if (typeof site?.file !== 'string' || !(site.line > 0) || !(site.column > 0)) throw new Error('no site');
  if (!state) return;
  const values = state.get();
  if (values.length !== state.names.length) throw new Error('the state is inconsistent');
  state.set((index) => values[index]);
}

function native(parameters: string[], template: (operator: string) => string, operators: string) {
  const one = (operator: string) => [operator, new Function(...parameters, `return ${template(operator)};`)] as const;
  return Object.fromEntries(operators.split(' ').map(one));
}

const BINARY = native(
  ['a', 'b'],
  (operator) => `a ${operator} b`,
  '+ - * / % ** < <= > >= == != === !== & | ^ << >> >>> in instanceof',
);
const UNARY = native(['a'], (operator) => `${operator} a`, '- + ! ~');

/** Whether a loop is over after its body, and what it then ends in. */
function afterBody(end: Completion, label?: string): { isOver: boolean; end?: Completion } {
  if (end === undefined) return { isOver: false };
  const isOwn = end.kind !== 'return' && end.kind !== 'throw' && (end.label === undefined || end.label === label);
  if (isOwn) return { isOver: end.kind === 'break' };
  return { isOver: true, end };
}

export const operators = {
  sites: (file: string, pairs: number[]): Site[] =>
    Array.from({ length: pairs.length / 2 }, (_, i) => ({ file, line: pairs[2 * i]!, column: pairs[2 * i + 1]! })),
  block: <T>(fn: T): T => fn,
  fresh: <T>(object: T): T => object,
  keysIn(of: unknown, site: Site): Iterable<string> {
    check(site);
    const keys: string[] = [];
    for (const key in of as object) keys.push(key);
    return keys;
  },

  delegated(of: unknown, site: Site): unknown {
    check(site);
    return of;
  },

  items(of: unknown, site: Site): unknown {
    check(site);
    return of;
  },
  member(of: Record<string, unknown>, key: string, site: Site): unknown {
    check(site);
    return of[key];
  },
  accessors<T extends object>(holder: T, keys: PropertyKey[] = []): T {
    for (const key of keys) if (!Object.hasOwn(holder, key)) throw new Error('no such accessor');
    return holder;
  },
  tag(fn: (...values: unknown[]) => unknown, receiver: unknown, site: Site) {
    check(site);
    return receiver === undefined ? fn : (...values: unknown[]) => Reflect.apply(fn, receiver, values);
  },
  unnoted(name: string, site: Site): void {
    check(site);
    if (typeof name !== 'string') throw new Error('no name');
  },
  fields(of: unknown, site: Site): unknown {
    check(site);
    return of;
  },
  taken(of: unknown, site: Site, count: number | null): unknown {
    check(site);
    if (count !== null && !(count >= 0)) throw new Error('no number of elements');
    return of;
  },
  place(object: Record<never, unknown>, key: never, site: Site): { value: unknown } {
    check(site);
    return {
      get value() {
        return object[key];
      },
      set value(value: never) {
        object[key] = value;
      },
    };
  },
  field<T>(object: T, id: Site, get: (object: T) => unknown, set: (object: T, value: unknown) => void): T {
    check(id);
    set(object, get(object));
    return object;
  },
  touch(_: object, key: PropertyKey, site: Site): PropertyKey {
    check(site);
    return key;
  },
  inherited(_: object, key: PropertyKey, site: Site): PropertyKey {
    check(site);
    return key;
  },
  method(of: Record<PropertyKey, unknown>, key: PropertyKey, site: Site): unknown {
    check(site);
    return of[key];
  },
  named(_: unknown, key: string, site: Site): void {
    if (typeof key !== 'string') throw new Error('no name');
    check(site);
  },
  variable(name: string, get: () => unknown, set: (value: unknown) => void) {
    if (typeof name !== 'string') throw new Error('no name');
    return { get, set };
  },
  state: (names: string[], get: () => unknown[], set: NonNullable<State>['set']): State => ({ names, get, set }),
  note(slot: { get: () => unknown; set: (value: unknown) => void }): void {
    slot.set(slot.get());
  },
  cleaningUp(): void {},

  within: (key: PropertyKey, of: object): boolean => key in of,

  mark(fn: unknown): void {
    if (typeof fn !== 'function') throw new Error('no function to mark');
  },
  binary(operator: string, a: unknown, b: unknown, site: Site): unknown {
    check(site);
    return BINARY[operator]!(a, b);
  },
  unary(operator: string, a: unknown, site: Site): unknown {
    check(site);
    return UNARY[operator]!(a);
  },
  typeof_(x: unknown, site: Site): string {
    check(site);
    return typeof x;
  },
  numeric(x: unknown, site: Site): unknown {
    check(site);
    let number = x as number;
    return number++;
  },
  increment(x: unknown, by: 1 | -1, site: Site): unknown {
    check(site);
    return typeof x === 'bigint' ? x + BigInt(by) : Number(x) + by;
  },
  andRight(a: unknown, b: (left: boolean) => unknown, site: Site, state?: State): unknown {
    check(site, state);
    return a && b(true);
  },
  orRight(a: unknown, b: (left: boolean) => unknown, site: Site, state?: State): unknown {
    check(site, state);
    return a || b(false);
  },
  nullishRight(a: unknown, b: (left: null) => unknown, site: Site, state?: State): unknown {
    check(site, state);
    return a ?? b(null);
  },
  optional(a: unknown, use: (value: unknown) => unknown, site: Site, state?: State, short?: unknown): unknown {
    check(site, state);
    return a === undefined || a === null ? short : use(a);
  },
  given(value: unknown, byDefault: () => unknown, site: Site, state?: State): unknown {
    check(site, state);
    return value === undefined ? byDefault() : value;
  },
  assigned(set: (value: unknown) => void, byDefault: () => unknown, site: Site): { value: unknown } {
    check(site);
    return {
      get value() {
        return undefined;
      },
      set value(value) {
        set(value === undefined ? byDefault() : value);
      },
    };
  },
  sure(value: unknown, site: Site): unknown {
    check(site);
    return value;
  },
  key(value: unknown, site: Site): unknown {
    check(site);
    return value;
  },
  ternary(test: unknown, sides: (is: boolean) => unknown, state: State, site: Site): unknown {
    check(site, state);
    return sides(Boolean(test));
  },
  getitem(object: Record<never, unknown>, key: never, site: Site): unknown {
    check(site);
    return object[key];
  },
  setitem(object: Record<never, unknown>, key: never, value: never, site: Site): unknown {
    check(site);
    object[key] = value;
    return value;
  },
  length(object: { length: unknown }, site: Site): unknown {
    check(site);
    return object.length;
  },
  string(value: unknown, site: Site): unknown {
    check(site);
    return value;
  },
  plain(value: unknown, construct: unknown, site: Site): unknown {
    check(site);
    if (typeof construct !== 'string') throw new Error('plain wants a construct');
    return value;
  },
  at(values: readonly unknown[], site: Site): readonly unknown[] {
    check(site);
    return values;
  },
  call(fn: (...values: unknown[]) => unknown, receiver: unknown, values: unknown[], site: Site): unknown {
    check(site);
    return Reflect.apply(fn, receiver, values);
  },
  construct(type: new () => unknown, values: [], site: Site): unknown {
    check(site);
    return new type(...values);
  },
  delete_(object: Record<never, unknown>, key: never, site: Site): boolean {
    check(site);
    return delete object[key];
  },
  thrown(error: unknown, site: Site): unknown {
    check(site);
    return error;
  },
  BREAK: { kind: 'break' },
  CONTINUE: { kind: 'continue' },
  jump: (kind: 'break' | 'continue', label: string): Completion => ({ kind, label }),
  return_: (value: unknown): Completion => ({ kind: 'return', value }),
  throw_: (value: unknown): Completion => ({ kind: 'throw', value }),
  attempt(
    body: () => Completion,
    handler: ((is: boolean, thrown?: unknown) => Completion) | null,
    cleanUp: (() => Completion) | null,
    state: State,
    site: Site,
  ): Completion {
    check(site, state);
    let end: Completion;
    let last: Completion;
    try {
      end = body();
      if (end?.kind === 'throw' && handler) throw end.value;
    } catch (error) {
      if (!handler) throw error;
      end = handler(true, error);
    } finally {
      last = cleanUp?.();
    }
    return last ?? end;
  },
  complete(end: Completion): unknown {
    if (end !== undefined && end.kind !== 'return') throw new Error(`A ${end.kind} left its function.`);
    return end?.value;
  },
  proceed(end: Completion, rest: Rest, state: State, site: Site): Completion {
    check(site, state);
    return end === undefined ? rest(true) : end;
  },
  inTurn(first: Completion, parts: readonly [rest: Rest, state: State, site: Site][]): Completion {
    let end = first;
    for (const [rest, state, site] of parts) {
      check(site, state);
      if (end !== undefined) return end;
      end = rest(true);
    }
    return end;
  },
  labelled: (end: Completion, label: string): Completion =>
    end?.kind === 'break' && end.label === label ? undefined : end,
  switch_(
    value: unknown,
    clauses: readonly [test: unknown, site: Site][],
    bodies: (index: number) => Completion,
    state: State,
  ): Completion {
    for (const [, site] of clauses) check(site, state);
    const isEqual = (test: unknown) => test !== null && (typeof test === 'function' ? test() : test) === value;
    const found = clauses.findIndex(([test]) => isEqual(test));
    const first = found < 0 ? clauses.findIndex(([test]) => test === null) : found;
    for (let i = first; i >= 0 && i < clauses.length; i++) {
      const end = bodies(i);
      if (end !== undefined) return end.kind === 'break' && end.label === undefined ? undefined : end;
    }
    return undefined;
  },
  ifElse(test: unknown, sides: (is: boolean) => Completion, state: State, site: Site): Completion {
    check(site, state);
    return sides(Boolean(test));
  },
  chain(
    first: unknown,
    links: readonly [test: (() => unknown) | null, site: Site][],
    sides: (index: number) => Completion,
    state: State,
    site: Site,
  ): Completion {
    check(site, state);
    if (first) return sides(0);
    for (const [i, [test, at]] of links.entries()) {
      check(at);
      if (test === null || test()) return sides(i + 1);
    }
    return undefined;
  },
  choose(
    first: unknown,
    links: readonly [test: () => unknown, site: Site][],
    sides: (index: number) => unknown,
    state: State,
    site: Site,
  ): unknown {
    check(site, state);
    if (first) return sides(0);
    for (const [i, [test, at]] of links.entries()) {
      check(at);
      if (test()) return sides(i + 1);
    }
    return sides(links.length + 1);
  },
  forOf(items: Iterable<unknown>, body: Body, state: State, site: Site, label?: string): Completion {
    check(site, state);
    for (const item of items) {
      const { isOver, end } = afterBody(body(item), label);
      if (isOver) return end;
    }
    return undefined;
  },
  while_(
    test: () => unknown,
    body: Body,
    update: (() => void) | null,
    state: State,
    site: Site,
    label?: string,
  ): Completion {
    check(site, state);
    for (; test(); update?.()) {
      const { isOver, end } = afterBody(body(), label);
      if (isOver) return end;
    }
    return undefined;
  },
  doWhile(body: Body, test: () => unknown, state: State, site: Site, label?: string): Completion {
    check(site, state);
    do {
      const { isOver, end } = afterBody(body(), label);
      if (isOver) return end;
    } while (test());
    return undefined;
  },
};
