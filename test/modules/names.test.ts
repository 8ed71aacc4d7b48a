import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { LanguageModel, NNsight, save } from 'onnsight';
import { afterAll, describe, expect, it } from 'vitest';
import { TOY } from '../support/fixtures.ts';
import { allNames, namedModel, namedOperations } from './named-model.ts';

/** What is public: in every module, in every model besides, and in a language model besides. */
const OF_MODULES = 'calls get input inputs next ops output outputs path skip toString'.split(' ');
const OF_MODELS = 'clearEdits device edit execute graph release scan session to trace'.split(' ');
const OF_LANGUAGE_MODELS = 'chatText config generate tokenizer'.split(' ');

const folder = mkdtempSync(join(tmpdir(), 'onnsight-names-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(bytes: Uint8Array, name: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}
const load = (bytes: Uint8Array, name: string, options = {}) =>
  NNsight.load(write(bytes, `${name}.onnx`), { device: 'cpu', ...options });

// biome-ignore lint/suspicious/noExplicitAny: modules by names that are data.
type Any = any;

const NAMES = allNames();
const PATHS = [...NAMES, ...NAMES.map((name) => `block.${name}`)];
const BYTES = namedModel(PATHS);
const all: Any = await load(BYTES, 'all');
const block = all.get('block');

/** What each module of `from` gives: [path, first element] for each name. */
async function outputsOf(read: (name: string) => Any): Promise<[string, number][]> {
  const outputs = await all.trace([0], () => {
    'use trace';
    return NAMES.map((name) => save(read(name).output));
  });
  return NAMES.map((name, i) => [name, outputs[i].item()]);
}
const expected = (start: number) => NAMES.map((name, i) => [name, start + i + 1]);

describe('a model whose modules have every name that a class here has, and those of JavaScript', () => {
  it('has enough of them', () => {
    expect(NAMES.length).toBeGreaterThan(400);
    for (const name of [...OF_MODULES, ...OF_MODELS, 'read', 'write', 'map', 'copy', 'engine', 'shapes', '__proto__'])
      expect(NAMES).toContain(name);
  });

  it('each is reached with get', async () => {
    expect(await outputsOf((name) => all.get(name))).toEqual(expected(0));
    expect(await outputsOf((name) => all.get(`block.${name}`))).toEqual(expected(NAMES.length));
    expect(await outputsOf((name) => block.get(name))).toEqual(expected(NAMES.length));
  });

  it('each that is no public member is reached by its name, and those alone are properties', async () => {
    const hidden = new Set([...OF_MODULES, ...OF_MODELS, 'then']);
    expect(await outputsOf((name) => (hidden.has(name) ? all.get(name) : all[name]))).toEqual(expected(0));
    const modules = new Set(OF_MODULES);
    expect(await outputsOf((name) => (modules.has(name) ? block.get(name) : block[name]))).toEqual(
      expected(NAMES.length),
    );
    expect(Object.keys(all).sort()).toEqual([...NAMES, 'block'].filter((name) => !hidden.has(name)).sort());
    expect(Object.keys(block)).toEqual(NAMES.filter((name) => !modules.has(name)));
    expect(Object.entries(block).map(([name, module]) => [name, (module as Any).path])).toEqual(
      Object.keys(block).map((name) => [name, `block.${name}`]),
    );
    for (const name of NAMES) expect([name in block, name in all], name).toEqual([true, name !== 'then']);
  });

  it('each is gone through in order', () => {
    expect([...block].map(({ path }) => path)).toEqual(NAMES.map((name) => `block.${name}`));
  });

  it('members stay what they are', async () => {
    expect(block.path).toBe('block');
    expect(all.device).toBe('cpu');
    expect(block.calls).toHaveLength(1);
    for (const name of [...OF_MODELS.filter((name) => name !== 'device'), 'get', 'next', 'skip', 'toString'])
      expect(all[name], name).not.toHaveProperty('path');
    expect(all.then).toBeUndefined();
    expect(block.toString()).toBe(String(block));
    const edited = all.edit(() => {
      block.get('map').output += 10;
    });
    const { raw } = await edited.trace([0], () => ({ raw: save(block.map.output) }));
    expect(raw.item()).toBe(NAMES.length + NAMES.indexOf('map') + 11);
  });

  it('the tree tells which are reached with get', () => {
    const lines = String(block).split('\n').slice(1, -1);
    expect(lines).toEqual(
      NAMES.map((name) => `  (${name}): Module()${OF_MODULES.includes(name) ? ` # reached with get('${name}')` : ''}`),
    );
    expect(String(all)).toContain("\n  (trace): Module() # reached with get('trace')\n");
    expect(inspect(block)).toBe(String(block));
  });

  it('can be set, and kept in a cache, whatever the name', async () => {
    for (const name of ['read', 'constructor', '__proto__', 'then', 'with-dash', '0']) {
      const last = await all.trace([0], () => {
        block[name].output = 0;
        return save(all.output);
      });
      expect(last.item(), name).toBe(NAMES.length - NAMES.indexOf(name) - 1);
    }
    const cache = await all.trace([0], (tracer: Any) => tracer.cache({ modules: ['__proto__', 'block.constructor'] }));
    expect(Object.keys(cache)).toEqual(['__proto__', 'block.constructor']);
    expect(cache['block.constructor'].output.item()).toBe(NAMES.length + NAMES.indexOf('constructor') + 1);
    expect(Object.getOwnPropertyDescriptor(cache, '__proto__')!.value.output.item()).toBe(
      NAMES.indexOf('__proto__') + 1,
    );
  });

  it('a language model has four members more', async () => {
    write(BYTES, 'language/model.onnx');
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
      copyFileSync(join(dirname(TOY), file), join(folder, 'language', file));
    }
    const lm: Any = await LanguageModel.load(join(folder, 'language'), { device: 'cpu' });
    for (const name of OF_LANGUAGE_MODELS) {
      expect(lm.get(name).path).toBe(name);
      expect(lm[name]).not.toHaveProperty('path');
      expect(all[name].path).toBe(name);
      expect(lm.block[name].path).toBe(`block.${name}`);
    }
  });
});

describe('a module called then', () => {
  it('at the top of a model does not make a promise of the model', async () => {
    const model: Any = await load(namedModel(['first', 'then']), 'then');
    expect(await model).toBe(model);
    expect(await (async () => model.edit(() => {}))()).toHaveProperty('first');
    expect(await model.to('cpu')).toHaveProperty('first');
    const output = await model.trace([0], () => save(model.get('then').output));
    expect(output.item()).toBe(2);
  });

  it('in a module is reached by its name, and awaiting the module around it is an error at that line', async () => {
    const awaiting = async () => {
      await all.block;
    };
    await expect(awaiting()).rejects.toThrow(
      /^test\/modules\/names\.test\.ts:\d+:\d+ - block has a module called 'then', so JavaScript takes it for a promise/,
    );
    await expect((async () => all.block)()).rejects.toThrow(/names\.test\.ts.*takes it for a promise/);
    const [found] = await Promise.all([[all.block]]);
    expect(found![0].path).toBe('block');
    const lens = await all.trace([0], () => save(block.then(block.map.output)));
    expect(lens.item()).toBe(NAMES.length + NAMES.indexOf('map') + 2);
  });

  it('is not there in most models, whose modules can be awaited and returned', async () => {
    const model: Any = await load(namedModel(['block.inner']), 'awaited');
    expect(await model.block).toBe(model.block);
    expect(await (async () => model.block.inner)()).toBe(model.block.inner);
    expect(JSON.stringify({ block: model.block })).toBe('{}');
  });
});

describe('parameters', () => {
  const names = ['output', 'input', 'path', 'read', 'trace', 'then', 'toString', '__proto__', 'constructor', 'weight'];

  it('are reached by their names where no member has them, and with get always', async () => {
    const model: Any = await load(namedModel(['first'], names), 'parameters');
    const { byName, byGet, output } = await model.trace([0], () => ({
      byName: names.map((name) => (OF_MODULES.includes(name) ? null : save(model.holder[name] * 7))),
      byGet: names.map((name) => save(model.get(`holder.${name}`) * 7)),
      output: save(model.holder.output),
    }));
    expect(byGet.map((tensor: Any) => tensor.item())).toEqual(names.map(() => 7));
    expect(byName.map((tensor: Any) => tensor?.item() ?? null)).toEqual(
      names.map((name) => (OF_MODULES.includes(name) ? null : 7)),
    );
    expect(output.item()).toBe(names.length + 1);
  });
});

describe('operations', () => {
  const names = ['Relu_', 'then', 'toJSON', 'constructor', 'toString', '__proto__', 'output', 'path', 'hasOwnProperty'];

  it('have any name, and no member has one of theirs', async () => {
    const model: Any = await load(namedOperations(names), 'operations');
    const { ops } = model.block;
    expect(Object.keys(ops)).toEqual(names);
    const outputs = await model.trace([0], () => names.map((name) => save(ops[name].output)));
    expect(outputs.map((tensor: Any) => tensor.item())).toEqual(names.map((_, i) => i + 1));
    expect(String(ops.then)).toBe('block.ops.then');
  });

  it('that are not there are no properties, and none can be set', async () => {
    const model: Any = await load(namedModel(['block.inner']), 'plain');
    const { ops } = model.block;
    expect(['Add' in ops, 'Sub' in ops, 'toString' in ops, Object.hasOwn(ops, 'Sub')]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(await ops).toBe(ops);
    expect(inspect(ops)).toBe('ops: Add');
    expect(inspect(ops.Add)).toBe('block.ops.Add');
    expect(() => ops.toString).toThrow(/block has no operation 'toString'/);
    expect(() => {
      ops.Add = 1;
    }).toThrow(/names\.test\.ts:\d+:\d+ - block\.ops\.Add cannot be set or deleted/);
  });
});

describe('names that are given', () => {
  const bytes = namedModel(['list.0', 'list.1', 'block.inner', 'block.other'], ['weight']);
  /** Names that nothing new can have, with what the error says of them. */
  const taken: [name: string, of: string, says: RegExp][] = [
    ['trace', '', /the model has a member 'trace'/],
    ['get', '', /the model has a member 'get'/],
    ['then', '', /the model has a member 'then'/],
    ['block', '', /block is there already/],
    ['skip', 'block', /every module has a member 'skip'/],
    ['then', 'block', /JavaScript asks every object for 'then'/],
    ['constructor', 'block', /JavaScript asks every object for 'constructor'/],
    ['inner', 'block', /block\.inner is there already/],
    ['weight', 'holder', /holder\.weight is there already/],
    ['2', 'list', /the numbers of list are those of its modules/],
    ['-1', 'list', /the numbers of list are those of its modules/],
    ['a.b', 'block', /'a\.b' is not a name/],
    ['', 'block', /'' is not a name/],
    ['a[0]', '', /'a\[0\]' is not a name/],
  ];

  it.each(taken)("to an attached model: '%s' of '%s' is an error", async (name, of, says) => {
    const model: Any = await load(bytes, 'given');
    const other = await load(bytes, 'other');
    const attach = () => {
      model.get(of)[name] = other;
    };
    expect(attach).toThrow(/names\.test\.ts:\d+:\d+ - A model cannot be attached as/);
    expect(attach).toThrow(says);
  });

  it('to an attached model: free ones, also those of hidden members, and a new model under the same', async () => {
    const model: Any = await load(bytes, 'given', { rename: { block: 'part' } });
    let other: Any;
    for (const name of ['read', 'map', 'engine', 'valueOf', 'trace']) {
      other = await load(bytes, `other-${name}`);
      model.block[name] = other;
      expect(model.block[name]).toBe(other);
      expect(model.part.get(`${name}.block.inner`)).toBe(other.block.inner);
      expect(name in model.block).toBe(true);
    }
    const another = await load(bytes, 'another');
    model.block.read = another;
    expect(model.block.read).toBe(another);
    const called = await model.trace([0], () => save(model.block.trace(model.block.inner.output)));
    expect(called.item()).toBe(3 + 5);
    expect(() => {
      model.part = other;
    }).toThrow(/part is there already/);
    expect(() => {
      model.block.piece = other.block;
    }).toThrow(/block is a part of a model, not a whole one/);
    expect(() => {
      model.block[Symbol('s')] = other;
    }).toThrow(/no member 'Symbol\(s\)' that can be set/);
  });

  it.each(taken.filter(([, of]) => of === ''))(
    "to modules and entry points: '%s' is an error of the load",
    async (name, _, says) => {
      await expect(load(bytes, 'given', { rename: { 'block.inner': name } })).rejects.toThrow(says);
      await expect(load(bytes, 'given', { rename: { 'block.inner': name } })).rejects.toThrow(
        /names\.test\.ts:\d+:\d+ - rename: block\.inner cannot/,
      );
      const methods = { [name]: () => ({ x: [0] }) };
      await expect(load(bytes, 'given', { inputHooks: { methods } })).rejects.toThrow(says);
    },
  );

  it.each(taken.filter(([, of]) => of === 'block'))(
    "to modules wherever they are: '%s' is an error of the load",
    (name, _, says) => expect(load(bytes, 'given', { rename: { other: name } })).rejects.toThrow(says),
  );

  it('to two modules at once are an error of the load', async () => {
    const rename = { 'block.inner': 'same', 'block.other': 'same' };
    await expect(load(bytes, 'given', { rename })).rejects.toThrow(
      /block\.other cannot be called same as well: same is there/,
    );
    await expect(load(bytes, 'given', { rename: { '': 'root' } })).rejects.toThrow(/the model itself/);
  });

  it('to modules: those of hidden members, and they work wherever a path does', async () => {
    const rename = { 'block.inner': ['engine', 'valueOf'], other: 'copy', list: 'items' };
    const model: Any = await load(bytes, 'given', { rename });
    const outputs = await model.trace([0], (tracer: Any) => ({
      read: [model.engine, model.valueOf, model.block.copy, model.items[-1]].map((module) => save(module.output)),
      cache: tracer.cache({ modules: ['engine', 'block.copy'] }),
    }));
    expect(outputs.read.map((tensor: Any) => tensor.item())).toEqual([3, 3, 4, 2]);
    expect(outputs.cache['block.copy'].output.item()).toBe(4);
    expect(outputs.cache.engine.output.item()).toBe(3);
    const rest = await model.trace({ x: [0], 'engine.output': [10] }, () => save(model.output));
    expect(rest.item()).toBe(12);
  });

  it('to entry points: those of hidden members', async () => {
    const methods = { run: (x: number) => ({ x: [x] }), valueOf: (x: number) => ({ x: [x + 1] }) };
    const model: Any = await load(bytes, 'given', { inputHooks: { methods } });
    expect(Object.values((await model.run(1)) as object)[0].item()).toBe(6);
    expect(Object.values((await model.valueOf(1)) as object)[0].item()).toBe(7);
    expect(() => model.constructor.name).toThrow(TypeError);
    expect(() => model.hasOwnProperty).toThrow(/no module hasOwnProperty/);
  });
});

describe('names that are not there', () => {
  it('are no properties', async () => {
    const model: Any = await load(namedModel(['list.0', 'list.1', 'block.inner']), 'absent');
    for (const name of ['read', 'map', 'toJSON', 'constructor', '__proto__', 'valueOf', 'then', 'length', '0']) {
      expect(name in model.block, name).toBe(false);
      expect(Object.hasOwn(model.block, name), name).toBe(false);
    }
    expect(['0' in model.list, '-1' in model.list, '2' in model.list, 'length' in model.list]).toEqual([
      true,
      true,
      false,
      true,
    ]);
    expect([model.list.length, model.list[-1].path, model.list['1'].path]).toEqual([2, 'list.1', 'list.1']);
    expect(() => model.block.length).toThrow(/no module block\.length/);
    expect(() => model.list.push).toThrow(/no module list\.push/);
    expect(() => model['block.inner']).toThrow(
      /a name has no dots or brackets; a path is read with get\('block\.inner'\)/,
    );
    expect(() => Object.defineProperty(model, 'extra', { value: 1 })).toThrow(/'extra' cannot be defined/);
    expect(() => Object.freeze(model)).toThrow(TypeError);
    expect(model.block[Symbol.toStringTag]).toBeUndefined();
    expect(model.block.constructor).toBeUndefined();
  });

  it('the next step of a module is the module, with all that is in it', async () => {
    expect(() => all.block.next()).toThrow(/block\.next\(\) works in the block of model\.generate/);
  });
});
