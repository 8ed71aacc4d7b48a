import { createHash } from 'node:crypto';
import { buildIntervention, type InterventionFunction } from '../../api/intervention.ts';
import type { ModelMap } from '../../api/model-map.ts';
import { TraceError } from '../../errors.ts';
import type { InterventionGraph } from '../../graph/graph.ts';
import type { Address } from '../../graph/ops.ts';
import { type Site, siteOf } from '../../graph/site.ts';
import { lower } from '../../lowering/lower.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import { encodeModel } from '../../onnx/proto.ts';
import { saving } from '../../tracing/hidden.ts';
import type { SavedProxy } from '../../tracing/saves.ts';
import type { InterventionParameter } from '../../types/intervention.ts';
import { defaultToJson } from '../defaults.ts';
import { BUNDLE_VERSION } from '../manifest.ts';
import type { BundleFile, Manifest } from '../manifest-types.ts';
import { loadable } from './check.ts';
import { demanded } from './demanded.ts';
import { freeSizes, namedDims, withDimNames, withOutputs } from './dim-names.ts';
import { joinGraph } from './joined-graph.ts';
import { noteMomentary } from './momentary.ts';
import { narrowedGraph } from './narrowed-graph.ts';
import { noteStates } from './once-more.ts';
import { optimize } from './optimize.ts';
import { ReturnedValues } from './returns.ts';
import { rewriteModel } from './rewritten.ts';
import { type BesideFile, bundleTokenizer } from './tokenizer.ts';
import { embedWeights, linkWeights, type WeightFile } from './weights.ts';

export interface BuildOptions {
  /** The name of the bundle and its loader; a name that JavaScript allows. */
  readonly name: string;
  /** Where the intervention is declared, for the manifest. */
  readonly source: Site;
  /** The name of the package that the source is a file of. */
  readonly package?: string | undefined;
  /** Whether the weights go into the bundle's model, or stay in a file beside it. */
  readonly weights?: 'link' | 'embed';
  /** Lets ONNX Runtime simplify the model, as far as results and hosts do not change. */
  readonly optimize?: boolean;
  /** A folder with a tokenizer, which goes beside the bundle's model: texts can go in. */
  readonly tokenizer?: string | undefined;
}

/** A bundle that is ready to be written. */
export interface BuiltBundle {
  readonly manifest: Manifest;
  readonly model: Uint8Array;
  readonly weights: readonly WeightFile[];
  /** Other files of it, as they are. */
  readonly beside: readonly BesideFile[];
  /** Remarks for the user; the bundle is sound nevertheless. */
  readonly notes: readonly string[];
}

/** Compiles an intervention into a model. Throws a TraceError for mistakes in the block. */
export async function buildBundle(
  map: ModelMap,
  intervention: InterventionFunction,
  {
    name,
    source,
    package: packageName,
    weights = 'link',
    optimize: isOptimized = false,
    tokenizer: folder,
  }: BuildOptions,
): Promise<BuiltBundle> {
  const { model } = map;
  for (const parameter of intervention.parameters) {
    if (!model.inputs.some((input) => input.name === parameter.name)) continue;
    throw new TraceError(
      `The parameter '${parameter.name}' has the name of an input of ${model.file}. Call it something else.`,
      source,
    );
  }
  const tokenizer = folder === undefined ? null : bundleTokenizer(folder, model);
  if (tokenizer && intervention.parameters.some((parameter) => parameter.name === 'text')) {
    throw new TraceError(
      "A bundle with a tokenizer takes texts as 'text', which is a parameter of this intervention. Call it something else.",
      source,
    );
  }
  const { result: built, notes } = await noteMomentary(() => buildIntervention(map, intervention));
  if (built.tracing.settled.isUncertain) {
    throw new TraceError(
      'The intervention gives back what is made of a module in a branch of the model, and an ONNX file has no output that may be missing. Give back the output of the module around.',
      source,
    );
  }
  const [changed] = built.changed;
  if (changed) {
    throw new TraceError(
      `The block changes ${changed.owner ? `what is outside of it (${changed.name})` : `'${changed.name}'`}, as values of the model decide, and outside of a bundle there is nothing. Return it.`,
      changed.site ?? source,
    );
  }
  checkPortable(built.tracing.graph);
  notes.push(...(await noteStates(map, intervention, built, { source, isMomentary: notes.length > 0 })));
  const whole = joinGraph(built.tracing);
  const { graph } = whole;
  const names = [...model.inputs, ...intervention.parameters].map((input) => input.name);
  const returned = new ReturnedValues(built.returned, names, source);
  const outputs = returned.outputs.map(({ name: output, value }) => ({
    name: output,
    value: whole.value(value),
  }));
  for (const demand of built.tracing.builder.demands.values.values()) {
    const [first] = outputs;
    if (first) first.value = demanded(graph, first.value, built.tracing.value(demand));
  }
  graph.saves.splice(0, graph.saves.length, ...outputs);
  const ready = narrowedGraph(whole);
  const lowered = lower(ready.model, ready.graph, ready.locate);
  const rewritten = rewriteModel(
    ready,
    built.parameters,
    lowered,
    returned.outputs.map((output) => output.name),
    describeIntervention(name, source, intervention.parameters),
  );
  const file = `${name}.onnx`;
  const found = await loadable(withDimNames(rewritten, map), model.folder);
  const sizeNames = freeSizes([...model.inputs, ...model.outputs, ...intervention.parameters]);
  const described = returned.outputs.map(({ name: output, value: { type } }) => ({
    name: output,
    dtype: type.dtype,
    dims: namedDims(
      type.shape,
      found.find((one) => one.name === output),
      sizeNames,
    ),
  }));
  const named = withOutputs(rewritten.proto, described);
  const proto = isOptimized ? await optimize(named, model) : named;
  const linked =
    weights === 'embed' ? { proto: embedWeights(proto, model), files: [] } : await linkWeights(proto, model, file);
  for (const one of [model, ...whole.attached.values()]) one.checkFiles();
  const bytes = encodeModel(linked.proto);
  const used = new Set(rewritten.inputs);
  const manifest: Manifest = {
    format: 'onnsight-bundle',
    version: BUNDLE_VERSION,
    name,
    source,
    ...(packageName !== undefined && { package: packageName }),
    model: describeModel(model),
    ...(whole.attached.size > 0 && {
      attached: Array.from(whole.attached, ([path, one]) => ({ path, ...describeModel(one) })),
    }),
    inputs: model.inputs.flatMap(({ name: input, dtype, dims, window }) =>
      dtype
        ? [
            {
              name: input,
              dtype,
              dims: dims && [...dims],
              used: used.has(input),
              ...(window !== undefined && { window }),
            },
          ]
        : [],
    ),
    parameters: intervention.parameters.map(({ default: usual, dims, ...rest }) => ({
      ...rest,
      dims: [...dims],
      ...(usual && { default: defaultToJson(usual) }),
    })),
    outputs: described.map(({ dims, ...rest }) => ({ ...rest, dims: dims && [...dims] })),
    returns: returned.returns,
    writes: graph.root.nodes
      .filter((node) => node.op === 'write')
      .filter((node) => !whole.entering.has(node))
      .map((node) => ({ tensor: describe(node.attributes), source: siteOf(node) })),
    weights,
    optimized: isOptimized,
    files: [describeFile(file, bytes), ...linked.files.map((one) => one.file)],
    ...(tokenizer && { tokenizer: tokenizer.entry }),
  };
  const { root } = built.tracing.graph;
  // what the body of a loop pushed to an array that is returned comes back with it
  const mayComeBack = ({ [saving]: { body } }: SavedProxy) => returned.hasEntries && body !== root;
  const lost = built.tracing.builder.saves.all.some((saved) => !returned.saved.has(saved) && !mayComeBack(saved));
  if (lost) {
    notes.push(
      "Logged lines, and saves that are not returned, do not come out of a bundle: it only returns the block's result.",
    );
  }
  return { manifest, model: bytes, weights: linked.files, beside: tokenizer?.files ?? [], notes };
}

/** Refuses operations that need this library while they run: they cannot be stored in a file. */
function checkPortable(graph: InterventionGraph): void {
  for (const { op, site } of graph.root.nodes) {
    if (op !== 'apply') continue;
    throw new TraceError(
      'A JavaScript function (apply) cannot become a part of one ONNX model, so this block cannot be a bundle.',
      site,
    );
  }
}

function describe({ path, port, index }: Address): string {
  return `${path === '' ? '' : `${path}.`}${port}${index === 0 ? '' : `s[${index}]`}`;
}

/** What the model's metadata tells of the intervention in it. */
function describeIntervention(
  name: string,
  { file, line, column }: Site,
  parameters: readonly InterventionParameter[],
) {
  const shown = parameters.map((one) => `${one.name}: ${one.dtype}[${one.dims.map((dim) => dim ?? '?').join(', ')}]`);
  const defaults = parameters.flatMap((one) => (one.default ? [[one.name, defaultToJson(one.default)] as const] : []));
  return {
    'onnsight.intervention': name,
    'onnsight.source': `${file}:${line}:${column}`,
    'onnsight.parameters': shown.join(', '),
    ...(defaults.length > 0 && { 'onnsight.defaults': JSON.stringify(Object.fromEntries(defaults)) }),
  };
}

function describeModel({ file, hash, opset }: OnnxModel): Manifest['model'] {
  return { file, sha256: hash, opset };
}

function describeFile(path: string, bytes: Uint8Array): BundleFile {
  return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}
