/** The surroundings of a statement inside its function, innermost last: the targets of jumps, and the closures that they cross. */
export type Frame =
  | { readonly kind: 'loop'; readonly labels: readonly string[] }
  | { readonly kind: 'switch' }
  | { readonly kind: 'labelled'; readonly labels: readonly string[] }
  /** The body of a `try` with a `catch`, the target of a `throw`: one that stays catches what JavaScript throws. */
  | { readonly kind: 'try'; readonly isNative: boolean }
  /** An arrow function that lowering made. */
  | { readonly kind: 'closure' };

/** The function being lowered: where its temporaries and its `var`s go. */
export class FunctionFrame {
  readonly frames: Frame[] = [];
  readonly temporaries: string[] = [];
  readonly variables = new Set<string>();
  /** Whether it has `await` or `yield` of its own: the statements around them cannot become closures. */
  readonly canSuspend: boolean;
  readonly #isTaken: (name: string) => boolean;
  readonly #counts = new Map<string, number>();
  #arguments: string | null = null;

  constructor(isTaken: (name: string) => boolean, canSuspend: boolean) {
    this.#isTaken = isTaken;
    this.canSuspend = canSuspend;
  }

  /** A variable of the whole function, for a value that is needed twice. */
  temporary(): string {
    const name = this.fresh('t');
    this.temporaries.push(name);
    return name;
  }

  /** The function's `arguments`, under a name that the closures inside have, too. */
  arguments(): string {
    this.#arguments ??= this.fresh('a');
    return this.#arguments;
  }

  /** A name that the file doesn't use. */
  fresh(prefix: string): string {
    for (;;) {
      const count = this.#counts.get(prefix) ?? 0;
      this.#counts.set(prefix, count + 1);
      const name = `__${prefix}${count}`;
      if (!this.#isTaken(name)) return name;
    }
  }

  get isInClosure(): boolean {
    return this.frames.some(({ kind }) => kind === 'closure');
  }

  /** Runs `inner` with `frames` around it. */
  around<T>(frames: readonly Frame[], inner: () => T): T {
    const depth = this.frames.length;
    this.frames.push(...frames);
    const result = inner();
    this.frames.length = depth;
    return result;
  }

  /** The declarations that belong at the top of the function's body. */
  declarations(): string {
    const temporaries = this.temporaries.length > 0 ? ` let ${this.temporaries.join(', ')};` : '';
    const variables = this.variables.size > 0 ? ` var ${[...this.variables].join(', ')};` : '';
    const own = this.#arguments === null ? '' : ` const ${this.#arguments} = arguments;`;
    return own + temporaries + variables;
  }
}
