import { ModelError } from '../onnx/error.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { clean, indices, member, numbered, quote, union } from './declaration-text.ts';
import { namesNoModules } from './format.ts';
import { insideOfModule } from './inside.ts';
import { kindNames } from './kind-names.ts';
import { type Kind, kindsOf, pattern } from './kinds.ts';
import type { Module } from './module.ts';
import { parameters } from './parameters.ts';
import { type QuantizedWeight, quantizedWeights } from './quantized-weights.ts';
import { tensorText, tensorTexts } from './tensor-texts.ts';
import { transposedWeights } from './transposed-weights.ts';
import { buildTree } from './tree.ts';

export interface DeclarationOptions {
  /** The name of the type of the whole model; a name that a TypeScript type can have. */
  readonly name: string;
  /** Whether a module at `path` has a member called `name`, so that a child or a parameter of that name is hidden. */
  readonly isMember: (path: string, name: string) => boolean;
}

/** The types that the declarations import, and those of TypeScript that they use. */
const IMPORTS = ['CallEnvoy', 'Calls', 'EnvoyMembers', 'Found', 'ModuleList', 'NamedOperations', 'Traced'] as const;
export const TAKEN_NAMES: readonly string[] = [...IMPORTS, 'IterableIterator', 'Readonly', 'Record', 'Symbol'];

/** The first line of every file with declarations. */
export const HEADER = '// Written by `onnsight types`, which writes it anew when the model changes.';

/**
 * The module tree of a model as TypeScript: an interface for each kind of module, that of the model itself, which
 * `NNsight.load<Tree>` takes, first. The same model gives the same text.
 * Throws a ModelError for a model whose file names no modules.
 */
export function declareModules({ plain: model }: OnnxModel, options: DeclarationOptions): string {
  const tree = buildTree(model);
  if (tree.children.size === 0) {
    throw new ModelError(`${model.path} has no modules to write types for: ${namesNoModules(tree)}`);
  }
  const body = new Declarations(model, tree, options).text();
  const used = IMPORTS.filter((name) => new RegExp(`\\b${name}\\b`).test(body));
  return `${HEADER}\nimport type { ${used.join(', ')} } from 'onnsight';\n\n${body}`;
}

class Declarations {
  readonly #model: OnnxModel;
  readonly #kinds: readonly Kind[];
  readonly #names: ReadonlyMap<Kind, string>;
  readonly #isMember: DeclarationOptions['isMember'];
  readonly #parameters: ReadonlyMap<string, string>;
  /** The weights that the file has transposed. */
  readonly #transposed: ReadonlyMap<string, string>;
  /** Those that it has in few bits. */
  readonly #quantized: ReadonlyMap<string, QuantizedWeight>;
  readonly #tensors: ReadonlyMap<string, string>;

  constructor(model: OnnxModel, tree: Module, { name, isMember }: DeclarationOptions) {
    this.#model = model;
    this.#parameters = parameters(model);
    this.#tensors = tensorTexts(model.graph);
    this.#isMember = isMember;
    this.#transposed = transposedWeights(model, tree, this.#parameters);
    this.#quantized = quantizedWeights(model, tree, this.#parameters);
    const own = ownParameters([...this.#transposed.keys(), ...this.#quantized.keys(), ...this.#parameters.keys()]);
    this.#kinds = kindsOf(tree, ({ path, children }) => (own.get(path) ?? []).filter((one) => !children.has(one)));
    this.#names = kindNames(this.#kinds, name, TAKEN_NAMES);
  }

  text(): string {
    return this.#kinds.map((kind) => this.#interface(kind)).join('\n');
  }

  #interface(kind: Kind): string {
    const [{ path, list, calls }] = kind.modules as [Module];
    const inside = kind.modules.flatMap((module) => [...insideOfModule(module, this.#model.graph).keys()]);
    const operations = [...new Set([...kind.operations, ...inside])];
    const lines = [`readonly ops: NamedOperations<${union(operations.map(quote), 4)}>;`];
    if (calls.length > 1) lines.push(`readonly calls: Calls & ${numbered(indices(calls.length), 'CallEnvoy', 4)};`);
    if (list) lines.push(`readonly length: ${kind.children.size};`);
    const types = [...new Set([...kind.children.values()].map((child) => this.#names.get(child)!))];
    if (types.length > 0) lines.push(`[Symbol.iterator](): IterableIterator<${union(types, 4)}>;`);
    const named = this.#named(kind);
    for (const { name, type, shape } of named.filter(({ name }) => !this.#isMember(path, name))) {
      lines.push(...this.#doc(kind, name, shape), member(name, type));
    }
    const hidden = named.filter(({ name }) => this.#isMember(path, name));
    for (const { name, type, shape } of hidden) {
      const owner = path === '' ? 'The model' : 'Every module';
      lines.push(`// ${owner} has a member '${clean(name)}', so that this one is reached with get alone.`);
      lines.push(...this.#doc(kind, name, shape), `get(path: ${quote(name)}): ${type};`);
    }
    if (hidden.length > 0) lines.push('get(path: string): Found;');
    const parents = list ? [`ModuleList<${union(types, 4)}>`, ...this.#items(kind)] : ['EnvoyMembers'];
    return [
      `/** ${clean(this.#describe(kind))} */`,
      `export interface ${this.#names.get(kind)} extends ${parents.join(', ')} {`,
      ...lines.map((line) => `  ${line}`),
      '}\n',
    ].join('\n');
  }

  /** Everything that is reached by a name: children, unless they are numbered, and parameters. */
  #named(kind: Kind): { readonly name: string; readonly type: string; readonly shape: string | null }[] {
    const children = kind.modules[0]!.list ? [] : [...kind.children];
    return [
      ...children.map(([name, child]) => ({ name, type: this.#names.get(child)!, shape: this.#outputText(child) })),
      ...kind.parameters.map((name) => ({ name, type: 'Traced', shape: this.#parameterText(kind, name) })),
    ];
  }

  /** Each number of a list, counted from both ends, with its type. */
  #items({ children }: Kind): string[] {
    const byType = new Map<string, number[]>();
    for (const [i, child] of [...children.values()].entries()) {
      const type = this.#names.get(child)!;
      byType.set(type, [...(byType.get(type) ?? []), i]);
    }
    return [...byType].map(([type, numbers]) =>
      numbered([...numbers, ...numbers.map((number) => number - children.size)], type, 2),
    );
  }

  #describe(kind: Kind): string {
    const { path, note, calls } = kind.modules[0]!;
    if (path === '')
      return `The whole model, for \`NNsight.load<${this.#names.get(kind)}>\` and \`LanguageModel.load<${this.#names.get(kind)}>\`.`;
    const places = [
      ...new Set(kind.modules.map((module) => (kind.modules.length === 1 ? path : pattern(module.path)))),
    ];
    const shown = places.slice(0, 4).map((place) => `\`${place}\``);
    const more = places.length > shown.length ? ` and ${places.length - shown.length} more` : '';
    const times = calls.length > 1 ? ` (runs ${calls.length} times)` : '';
    const fused = kind.modules.every((module) => module.note?.kind === 'fused') && note?.kind === 'fused';
    const lost = fused ? ` (folded into ${note.into ?? 'another module'}: its own output is no longer computed)` : '';
    return `${shown.join(', ')}${more}${times}${lost}`;
  }

  /** The place of a child or a parameter, where all modules of the kind have the same, and its shape. */
  #doc(kind: Kind, name: string, shape: string | null): string[] {
    const paths = kind.modules.map(({ path }) => (kind.modules.length === 1 ? path : pattern(path)));
    const [path, ...others] = new Set(paths);
    const place = others.length > 0 ? [] : [`\`${path === '' ? name : `${path}.${name}`}\``];
    const text = [...place, ...(shape === null ? [] : [shape])].join(': ');
    return text === '' ? [] : [`/** ${clean(text)} */`];
  }

  #outputText({ modules }: Kind): string | null {
    return same(modules.map(({ calls }) => this.#tensors.get(calls[0]?.outputs[0] ?? '') ?? null));
  }

  #parameterText({ modules }: Kind, name: string): string | null {
    return same(modules.map(({ path }) => this.#parameterShape(path === '' ? name : `${path}.${name}`)));
  }

  #parameterShape(path: string): string | null {
    const inFewBits = this.#quantized.get(path);
    if (inFewBits) {
      const { weight, isTurned } = inFewBits;
      const dtype = this.#model.initializers.get(weight.scales)!.dataType;
      return tensorText({ dataType: dtype, dims: (isTurned ? weight.dims.toReversed() : weight.dims).map(BigInt) });
    }
    const turned = this.#model.initializers.get(this.#transposed.get(path) ?? '');
    if (turned) return tensorText({ ...turned, dims: turned.dims.toReversed() });
    return this.#tensors.get(this.#parameters.get(path) ?? '') ?? null;
  }
}

/** The text of some tensors, where it is the same for all. */
function same(texts: readonly (string | null)[]): string | null {
  const different = new Set(texts);
  return different.size === 1 ? [...different][0]! : null;
}

/** The names of parameters by the path of their module. */
function ownParameters(paths: readonly string[]): Map<string, string[]> {
  const own = new Map<string, string[]>();
  for (const path of paths) {
    const end = path.lastIndexOf('.');
    const module = path.slice(0, Math.max(0, end));
    own.set(module, [...(own.get(module) ?? []), path.slice(end + 1)]);
  }
  return own;
}
