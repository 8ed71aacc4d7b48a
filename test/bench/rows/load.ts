import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inTurns, median, ratio, type Turns } from '../measure.ts';
import { gigabytes } from '../memory.ts';
import { longChain } from '../model/long-chain.ts';
import { type Line, type Row, times } from '../row.ts';

const PROGRAM = fileURLToPath(new URL('../load.mjs', import.meta.url));
const LENGTH = 16;

interface Loaded {
  readonly milliseconds: number;
  readonly bytes: number;
}

/** Loading and the first plain run, each time in a process of its own: its time, and the most memory it took. */
export const load: Row = async ({ model, quick }) => {
  const { vocabulary } = model.sizes;
  const files = {
    'weights in the file': { path: model.path, vocabulary, bar: 1.1 },
    'weights beside it': { path: model.external, vocabulary, bar: 1.1 },
    'a chain of 6,000 nodes': { path: longChain(2_000, LENGTH), bar: 2 },
  };
  const lines: Line[] = [];
  for (const [kind, { bar, ...file }] of Object.entries(files)) {
    const once = (library: string) => () => loadOnce(library, file);
    const effort = quick ? { least: 1, most: 2, milliseconds: 2000 } : { least: 3, most: 7, milliseconds: 30_000 };
    const loaded = await inTurns(once('onnsight'), once('onnxruntime'), effort);
    const [milliseconds, bytes] = [part(loaded, 'milliseconds'), part(loaded, 'bytes')];
    const what = `load and first plain run, ${kind}`;
    const note = `${gigabytes(median(bytes.ours))}, plain ${gigabytes(median(bytes.plain))}`;
    lines.push(
      {
        what: `${what}: time`,
        result: ratio(milliseconds),
        unit: '×',
        bar,
        note: times(median(milliseconds.ours), median(milliseconds.plain)),
      },
      { what: `${what}: peak memory`, result: ratio(bytes), unit: '×', bar, note },
    );
  }
  return lines;
};

interface ModelFile {
  readonly path: string;
  /** Where the model takes tokens. */
  readonly vocabulary?: number;
}

async function loadOnce(library: string, { path, vocabulary }: ModelFile): Promise<Loaded> {
  const words = [PROGRAM, library, path, String(LENGTH), ...(vocabulary ? [String(vocabulary)] : [])];
  const { stdout } = await promisify(execFile)(process.execPath, words);
  return JSON.parse(stdout) as Loaded;
}

function part({ ours, plain }: Turns<Loaded>, key: keyof Loaded): Turns<number> {
  return { ours: ours.map((loaded) => loaded[key]), plain: plain.map((loaded) => loaded[key]) };
}
