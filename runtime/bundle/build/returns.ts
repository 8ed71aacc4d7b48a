import { TraceError } from '../../errors.ts';
import type { Value } from '../../graph/types.ts';
import { saving } from '../../tracing/hidden.ts';
import { GraphEntries, type ListValue } from '../../tracing/lists.ts';
import { isPlainObject } from '../../tracing/plain-object.ts';
import { SavedProxy } from '../../tracing/saves.ts';
import { savedTexts } from '../../tracing/texts.ts';
import { type Case, varyingOf } from '../../tracing/varying.ts';
import type { ListOutputs, Returns } from '../schema.ts';

/** The value that a block returned, as data, and the traced values in it: each has an output of its own. */
export class ReturnedValues {
  readonly returns: Returns;
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  /** The saves that come back. */
  readonly saved = new Set<SavedProxy>();
  /** Whether an array that a loop or branch filled comes back. */
  hasEntries = false;
  private readonly taken: Set<string>;

  /**
   * @param taken names that an output cannot have: those of the inputs
   * Throws a TraceError for values that cannot be written into a file.
   */
  constructor(returned: unknown, taken: Iterable<string>) {
    this.taken = new Set(taken);
    this.returns = this.describe(returned, '');
    if (this.outputs.length === 0) {
      throw new TraceError(
        'The block of the intervention returns nothing that is saved. Return save(…) of the values that you want.',
      );
    }
  }

  private describe(value: unknown, path: string): Returns {
    if (value instanceof SavedProxy) return this.describeSaved(value, path);
    if (value instanceof GraphEntries) {
      this.hasEntries = true;
      return { kind: 'entries', list: this.list(entriesOf(value, path), path) };
    }
    const varying = varyingOf(value);
    if (varying) return this.describeCases(varying.cases, path);
    if (Array.isArray(value)) {
      return { kind: 'array', items: value.map((item, i) => this.describe(item, join(path, String(i)))) };
    }
    if (isPlainObject(value)) {
      const fields = Object.entries(value).map(([key, field]) => [key, this.describe(field, join(path, key))] as const);
      return { kind: 'object', fields: Object.fromEntries(fields) };
    }
    if (savedTexts(value)) {
      throw new TraceError(
        `The result${path && ` '${path}'`} of the intervention is a tensor of texts, which a bundle cannot hold. Return save(…) of the numbers that it is made of.`,
      );
    }
    if (value === undefined) return { kind: 'value' };
    const isNumber = typeof value === 'number' && Number.isFinite(value);
    if (value === null || isNumber || typeof value === 'string' || typeof value === 'boolean') {
      return { kind: 'value', value };
    }
    const what = typeof value === 'object' ? `an object (${value.constructor.name})` : `a ${typeof value}`;
    throw new TraceError(
      `The result${path && ` '${path}'`} of the intervention is ${what}, which a bundle cannot hold. Return save(…) of traced values, and plain numbers and texts.`,
    );
  }

  private describeCases([first, ...others]: readonly Case[], path: string): Returns {
    if (others.length === 0) return this.describe(first!.value, path);
    return {
      kind: 'choice',
      test: this.output(first!.test, join(path, 'taken')),
      then: this.describe(first!.value, path),
      else: this.describeCases(others, path),
    };
  }

  private describeSaved(saved: SavedProxy, path: string): Returns {
    this.saved.add(saved);
    const { state } = saved[saving];
    if (state === null || state === 'pending') return { kind: 'value' };
    if (state.kind === 'single') {
      const tensor = (): Returns => ({ kind: 'tensor', output: this.output(state.value, path) });
      if (!state.when) return tensor();
      return {
        kind: 'choice',
        test: this.output(state.when, join(path, 'taken')),
        then: tensor(),
        else: { kind: 'value' },
      };
    }
    return { kind: 'saved', list: this.list(state.list, path), loop: state.loop };
  }

  private list({ data, shapes, ranks }: ListValue, path: string): ListOutputs {
    return {
      data: this.output(data, path),
      shapes: this.output(shapes, join(path, 'shapes')),
      ranks: this.output(ranks, join(path, 'ranks')),
    };
  }

  private output(value: Value, path: string): string {
    const wanted = path || 'result';
    let name = wanted;
    for (let i = 2; this.taken.has(name); i++) name = `${wanted}_${i}`;
    this.taken.add(name);
    this.outputs.push({ name, value });
    return name;
  }
}

/** The tensor of each entry. */
function entriesOf({ form }: GraphEntries, path: string): ListValue {
  if (form.kind === 'tensor') return form.leaf!;
  throw new TraceError(
    `The result${path && ` '${path}'`} of the intervention is an array of ${form.kind === 'record' ? 'objects' : 'values of several kinds'} whose number only the run will tell, which a bundle cannot hold. Return an array of tensors for each of their fields.`,
  );
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
