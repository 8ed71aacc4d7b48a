import { runInNewContext } from 'node:vm';
import { Environment, Interpreter, Template } from '@huggingface/jinja';

/** How long a template may take, in milliseconds, unless given. */
const TIME = 10_000;

/** How many characters and elements it may make on the way. */
const ELEMENTS = 2 ** 25;

/** How long a list that range() makes may be. */
const RANGE = 1_000_000;

/**
 * Renders a template that comes from a model's files: one that does not end, or that makes ever larger texts and lists,
 * throws an error instead of taking the process with it.
 * @param time how long it may take, in milliseconds
 */
export function renderBounded(source: string, variables: Readonly<Record<string, unknown>>, time = TIME): string {
  const render = () => {
    const globals = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...variables })) globals.set(name, value);
    return String(new BoundedInterpreter(globals).run(new Template(source).parsed).value);
  };
  try {
    return runInNewContext('render()', { render }, { timeout: time });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new Error(`it takes longer than ${time / 1000} seconds`);
  }
}

/** What templates find besides their variables, as the library's own `render` has it. */
const GLOBALS = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  strftime_now: (format: string) => new Template('{{ strftime_now(format) }}').render({ format }),
  range: (start: number, end?: number, step = 1) => {
    const [from, to] = end === undefined ? [0, start] : [start, end];
    if (step === 0) throw new Error('range() step must not be zero');
    const count = Math.max(0, Math.ceil((to - from) / step));
    if (!(count <= RANGE)) throw new Error(`it makes a range of ${count} numbers, and ${RANGE} are allowed`);
    return Array.from({ length: count }, (_, i) => from + i * step);
  },
};

/** What is used of the library's interpreter, whose own declarations TypeScript does not find. */
interface Evaluator {
  run(program: Template['parsed']): Result;
  evaluate(statement: { readonly type: string } | undefined, scope: Environment): Result;
}

interface Result {
  readonly value: unknown;
}

const Base: new (globals: Environment) => Evaluator = Interpreter;

/** Counts what a template makes: the time that it may take does not bound memory. */
class BoundedInterpreter extends Base {
  private made = 0;

  override evaluate(statement: { readonly type: string } | undefined, scope: Environment): Result {
    const result = super.evaluate(statement, scope);
    if (statement?.type === 'Identifier') return result;
    const { value } = result;
    if (typeof value === 'string' || Array.isArray(value)) this.made += value.length;
    if (this.made <= ELEMENTS) return result;
    throw new Error(`it makes more than ${ELEMENTS} characters and elements`);
  }
}
