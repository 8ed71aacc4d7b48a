import { existsSync } from 'node:fs';
import { type Envoy, NNsight, save } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { Published } from '../reference.ts';
import { Judge } from './judge.ts';

/** The parts of a standardized transformer of which the table tells the modules. */
const PARTS: Readonly<Record<string, (st: StandardizedTransformer) => Envoy>> = {
  'layersOutput[0]': ({ layers }) => layers[0]!,
  'attentionsOutput[0]': ({ attentions }) => attentions[0]!,
  'crossAttentionsOutput[0]': ({ crossAttentions }) => crossAttentions[0]!,
  'mlpsOutput[0]': ({ mlps }) => mlps[0]!,
  lnFinal: ({ lnFinal }) => lnFinal,
  lmHead: ({ lmHead }) => lmHead,
  embedTokens: ({ embedTokens }) => embedTokens,
};

/** The transformers of architectures that have several. */
const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  bart: ['model.encoder', 'model.decoder'],
  depth_anything: ['backbone.encoder'],
  detr: ['model.encoder', 'model.decoder'],
  dpt: ['dpt.encoder'],
  marian: ['model.encoder', 'model.decoder'],
  mt5: ['encoder', 'decoder'],
  pegasus: ['model.encoder', 'model.decoder'],
  speecht5: ['speecht5.encoder.wrapped_encoder', 'speecht5.decoder.wrapped_decoder'],
  t5: ['encoder', 'decoder'],
  whisper: ['model.encoder', 'model.decoder'],
};

/** The file in single precision, or the folder of those of an encoder-decoder. */
function fileOf(folder: string): string {
  return existsSync(`${folder}/fp32`) ? `${folder}/fp32` : `${folder}/fp32.onnx`;
}

/**
 * The modules of a file by standard names, where what is read of each is what PyTorch's module of that path gives; for a
 * part that there is not, nothing. Throws for one that is another tensor.
 */
export async function namesOf(folder: string, within?: string): Promise<Readonly<Record<string, string>>> {
  const path = fileOf(folder);
  const published = new Published(path, `${folder}/ref`);
  const judge = new Judge(published, 'fp32');
  const model = await NNsight.load(path, { device: 'cpu' });
  const st = await there(() => new StandardizedTransformer(model, within === undefined ? {} : { within }));
  if (st === null) return {};
  const found: Record<string, string> = {};
  for (const [name, part] of Object.entries(PARTS)) {
    const envoy = await there(() => part(st));
    if (envoy === null) continue;
    const [expected] = published.reference.modules[envoy.path] ?? [];
    // A list of layers stands in a list of others, as in Swin's kin.
    if (!expected) continue;
    const got = await there(() => model.trace(published.inputs, () => save(model.get(envoy.path).output)));
    if (got === null) continue;
    if (!judge.isOutput(got, expected)) throw new Error(`${folder}: ${name} is not PyTorch's ${envoy.path}`);
    found[name] = envoy.path;
  }
  return found;
}

/** The table of some architectures. */
export async function namesTable(dir: string, architectures: readonly string[]): Promise<string> {
  const names = Object.keys(PARTS);
  const rows = [];
  for (const one of architectures) {
    const folder = `${dir}/${one}`;
    if (!existsSync(fileOf(folder))) continue;
    const parts: readonly (string | undefined)[] = SEVERAL[one] ?? [undefined];
    for (const within of parts) {
      const found = await namesOf(folder, within);
      if (Object.keys(found).length === 0) continue;
      const called = within === undefined ? one : `${one}, \`{ within: '${within}' }\``;
      rows.push([called, ...names.map((name) => (found[name] === undefined ? '–' : `\`${found[name]}\``))]);
    }
  }
  return [['', ...names.map((name) => `\`${name}\``)], ['', ...names].map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

/** What is asked for; null where it is refused. */
async function there<T>(ask: () => T | Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch {
    return null;
  }
}
