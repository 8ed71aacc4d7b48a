import { fail } from './nodes.ts';
import { isOptions, shown } from './options.ts';
import { type Parameter, SIGNATURES } from './signatures.ts';

/** The function as users call it: an argument that its signature does not have is an error at their line, not ignored. */
export function withSignature<F extends (...args: never[]) => unknown>(fn: keyof typeof SIGNATURES, run: F): F {
  const parameters = Object.entries<Parameter>(SIGNATURES[fn]);
  const called = (...args: unknown[]): unknown => {
    check(fn, parameters, args);
    return Reflect.apply(run, undefined, args);
  };
  // What names a function, in errors for instance, names it as it is exported.
  return Object.defineProperty(called, 'name', { value: fn }) as unknown as F;
}

type Parameters = readonly (readonly [name: string, parameter: Parameter])[];

function check(fn: string, parameters: Parameters, args: readonly unknown[]): void {
  const last = args.findLastIndex((value) => value !== undefined);
  const rest = parameters.at(-1)?.[1].mode === 'rest';
  for (let i = 0; i < Math.max(parameters.length, last + 1); i++) {
    const [name, parameter] = parameters[rest ? Math.min(i, parameters.length - 1) : i] ?? [];
    if (!parameter) {
      refuseFurther(fn, parameters, args);
      return;
    }
    const value = args[i];
    if (value === undefined) {
      if (parameter.mode === 'needed') fail(`${fn}: ${name} is missing. It is called as ${shape(fn, parameters)}`);
    } else if (parameter.options && isOptions(value)) {
      if (i < last) fail(`${fn}: options come last, and once, as in ${shape(fn, parameters)}`);
    } else if (!parameter.fits(value)) {
      fail(`${fn}: ${name} is ${shown(value)}. It is ${parameter.text}`);
    }
  }
}

/**
 * More arguments than parameters. `map` gives a function three; one that takes a tensor alone does not mind. `reduce` gives
 * four; one that takes two tensors does not mind.
 */
function refuseFurther(fn: string, parameters: Parameters, args: readonly unknown[]): void {
  const [first, position, array] = args;
  const isMapped = args.length === 3 && Array.isArray(array) && array[position as number] === first;
  if (isMapped && parameters.length === 1) return;
  const [, element, place, list] = args;
  const isReduced = args.length === 4 && Array.isArray(list) && list[place as number] === element;
  if (isReduced && parameters.length === 2 && parameters.every(([, { mode }]) => mode === 'needed')) return;
  const further = args.slice(parameters.length).find((value) => value !== undefined);
  const remedy = isMapped
    ? `. map gives it the place and the array, too: write map((x) => ${fn}(x))`
    : isOptions(further) && parameters.some(([, { options }]) => options)
      ? `. Options stand together in one object, the last: ${withOptions(fn, parameters)}`
      : '';
  fail(`${fn} is called as ${shape(fn, parameters)}; found ${shown(further)} behind that${remedy}`);
}

/** `mean(input, dim?, { … })` */
function withOptions(fn: string, parameters: Parameters): string {
  const place = parameters.findLastIndex(([, { options }]) => options);
  return `${shape(fn, parameters.slice(0, place)).slice(0, -1)}, { … })`;
}

/** `mean(input, dim?, keepdim?)` */
function shape(fn: string, parameters: Parameters): string {
  const names = parameters.map(([name, { mode }]) =>
    mode === 'rest' ? `…${name}` : mode === 'optional' ? `${name}?` : name,
  );
  return `${fn}(${names.join(', ')})`;
}
