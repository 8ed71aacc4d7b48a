import { TraceError } from '../../errors.ts';
import type { Site, Value } from '../../graph/types.ts';
import { saving } from '../../tracing/hidden.ts';
import { GraphEntries, type ListValue } from '../../tracing/lists.ts';
import { modulePath } from '../../tracing/model.ts';
import { isPlainObject } from '../../tracing/plain-object.ts';
import { SavedProxy } from '../../tracing/saves.ts';
import { savedTexts } from '../../tracing/texts.ts';
import { type Case, varyingOf } from '../../tracing/varying.ts';
import type { ListOutputs, Returns } from '../manifest-types.ts';

/** The value that a block returned, as data, and the traced values in it: each has an output of its own. */
export class ReturnedValues {
  readonly returns: Returns;
  readonly outputs: { readonly name: string; readonly value: Value }[] = [];
  /** The saves that come back. */
  readonly saved = new Set<SavedProxy>();
  /** Whether an array that a loop or branch filled comes back. */
  hasEntries = false;
  private readonly taken: Set<string>;
  private readonly site: Site;
  /** The arrays and objects that are being described. */
  private readonly around = new Set<object>();

  /**
   * @param taken names that an output cannot have: those of the inputs
   * @param site the intervention's, for errors
   * Throws a TraceError for values that cannot be written into a file.
   */
  constructor(returned: unknown, taken: Iterable<string>, site: Site) {
    this.taken = new Set(taken);
    this.site = site;
    this.returns = this.describe(returned, '');
    if (this.outputs.length === 0) {
      throw new TraceError(
        "The block of the intervention returns nothing that is saved. Return save(…) of the values that you want, or keep the model's own outputs by the option { outputs: 'model' } of intervention().",
        site,
      );
    }
  }

  private describe(value: unknown, path: string): Returns {
    if (value instanceof SavedProxy) return this.describeSaved(value, path);
    if (value instanceof GraphEntries) {
      this.hasEntries = true;
      return { kind: 'entries', list: this.list(this.entriesOf(value, path), path) };
    }
    const varying = varyingOf(value);
    if (varying) return this.describeCases(varying.cases, path);
    if (Array.isArray(value)) return this.inside(value, path, () => this.describeArray(value, path));
    if (isPlainObject(value)) return this.inside(value, path, () => this.describeObject(value, path));
    if (savedTexts(value))
      throw this.refusal(path, 'a tensor of texts', 'Return save(…) of the numbers that it is made of.');
    if (value === undefined) return { kind: 'value' };
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return { kind: 'value', value };
    if (typeof value === 'number') return describeNumber(value);
    const module = modulePath(value);
    if (module !== null) {
      const of = module === '' ? 'model' : module;
      throw this.refusal(path, `a module (${of})`, `Return save(${of}.output).`);
    }
    if (value instanceof Map) throw this.refusal(path, 'a Map', 'Return an object: Object.fromEntries(map).');
    if (value instanceof Set) throw this.refusal(path, 'a Set', 'Return an array: [...set].');
    const what = typeof value === 'object' ? `an object (${value.constructor.name})` : `a ${typeof value}`;
    throw this.refusal(path, what, 'Return save(…) of traced values, and plain numbers and texts.');
  }

  /** @throws TraceError for what contains itself */
  private inside(value: object, path: string, describe: () => Returns): Returns {
    if (this.around.has(value)) throw this.refusal(path, 'an object that it is itself in', 'Return each value once.');
    this.around.add(value);
    const described = describe();
    this.around.delete(value);
    return described;
  }

  private describeArray(value: readonly unknown[], path: string): Returns {
    const items = value.map((item, i) => this.describe(item, join(path, String(i))));
    // a hole is read as undefined
    return { kind: 'array', items: Array.from(items, (item) => item ?? { kind: 'value' }) };
  }

  private describeObject(value: object, path: string): Returns {
    const fields = Object.entries(value).map(([key, field]) => {
      if (key === '__proto__') {
        throw this.refusal(
          join(path, key),
          'a property that JavaScript takes for the prototype',
          'Call it something else.',
        );
      }
      return [key, this.describe(field, join(path, key))] as const;
    });
    return { kind: 'object', fields: Object.fromEntries(fields) };
  }

  private refusal(path: string, what: string, remedy: string): TraceError {
    return new TraceError(
      `The result${path && ` '${path}'`} of the intervention is ${what}, which a bundle cannot hold. ${remedy}`,
      this.site,
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

  /** The tensor of each entry. */
  private entriesOf({ form }: GraphEntries, path: string): ListValue {
    if (form.kind === 'tensor') return form.leaf!;
    const of = form.kind === 'record' ? 'objects' : 'values of several kinds';
    throw this.refusal(
      path,
      `an array of ${of} whose number only the run will tell`,
      'Return an array of tensors for each of their fields.',
    );
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

/** JSON has no NaN, no infinities and no -0. */
function describeNumber(value: number): Returns {
  if (Object.is(value, -0)) return { kind: 'number', value: '-0' };
  if (Number.isFinite(value)) return { kind: 'value', value };
  return { kind: 'number', value: String(value) as 'NaN' | 'Infinity' | '-Infinity' };
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
