import { existsSync } from 'node:fs';
import { type Envoy, NNsight, save } from 'onnsight';
import { StandardizedTransformer } from 'onnsight/analysis';
import { Published } from '../reference.ts';
import { Judge } from './judge.ts';

/** The parts of a standardized transformer of which the table tells the modules. */
const PARTS: Readonly<Record<string, (st: StandardizedTransformer) => Envoy>> = {
  'layersOutput[0]': ({ layers }) => layers[0]!,
  'attentionsOutput[0]': ({ attentions }) => attentions[0]!,
  'mlpsOutput[0]': ({ mlps }) => mlps[0]!,
  lnFinal: ({ lnFinal }) => lnFinal,
  lmHead: ({ lmHead }) => lmHead,
  embedTokens: ({ embedTokens }) => embedTokens,
};

/**
 * The modules of a file by standard names, where what is read of each is what PyTorch's module of that path gives; for a
 * part that there is not, nothing. Throws for one that is another tensor.
 */
export async function namesOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const published = new Published(`${folder}/fp32.onnx`, `${folder}/ref`);
  const judge = new Judge(published, 'fp32');
  const model = await NNsight.load(`${folder}/fp32.onnx`, { device: 'cpu' });
  const st = new StandardizedTransformer(model);
  const found: Record<string, string> = {};
  for (const [name, part] of Object.entries(PARTS)) {
    const envoy = await there(() => part(st));
    if (envoy === null) continue;
    const [expected] = published.reference.modules[envoy.path]!;
    const got = await there(() => model.trace(published.inputs, () => save(model.get(envoy.path).output)));
    if (got === null) continue;
    if (!judge.isOutput(got, expected!)) throw new Error(`${folder}: ${name} is not PyTorch's ${envoy.path}`);
    found[name] = envoy.path;
  }
  return found;
}

/** The table of some architectures. */
export async function namesTable(dir: string, architectures: readonly string[]): Promise<string> {
  const names = Object.keys(PARTS);
  const rows = [];
  for (const one of architectures) {
    if (!existsSync(`${dir}/${one}/fp32.onnx`)) continue;
    const found = await namesOf(`${dir}/${one}`);
    rows.push([one, ...names.map((name) => (found[name] === undefined ? '–' : `\`${found[name]}\``))]);
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
