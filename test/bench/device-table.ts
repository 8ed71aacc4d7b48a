/*
 * node --import onnsight/register test/bench/device-table.ts [--device cuda] [--way 'by block'] [--quick] [--model gpt2|tiny]
 *
 * Measures everyday traces on one device, in each of the ways that a model can be cut, and prints tables for docs/devices.md: the
 * ratio to a plain session and milliseconds, then the first runs and the memory of the card. Each way has a process of its
 * own. It needs the built package and no test runner.
 */
import { execFileSync, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Device } from 'onnsight';
import {
  type Begun,
  type Compared,
  firstRuns,
  SHAPES,
  type TaskName,
  tracesOn,
  type Way,
  wayNames,
} from './device-traces.ts';
import { type BenchModel, gpt2Model } from './model/gpt2-model.ts';
import { SMALL, TINY } from './model/sizes.ts';

const MEASURED: readonly TaskName[] = [
  'saves the last logits',
  'scales a layer, saves the last logits',
  'saves all layers',
];

/** How long a comparison takes: with --quick for a look at whether all of it works. */
const EFFORT = { least: 4, most: 8, milliseconds: 1_500, moment: 100 };
const QUICK = { least: 1, most: 1, milliseconds: 0, moment: 10 };

type Message = { readonly compared: Compared } | { readonly begun: Begun; readonly memory: number | null };

const { device, way: ways, quick, tiny, child } = options();

if (child) {
  await measure(child, gpt2Model(tiny ? TINY : SMALL), process.argv.includes('--first'));
  // What is sent has to arrive.
  process.disconnect();
} else {
  console.error('Making the model, or finding it in the cache …');
  gpt2Model(tiny ? TINY : SMALL);
  const lines: string[] = [];
  const firsts: string[] = [];
  for (const way of ways) {
    const compared: Compared[] = [];
    await run(way, false, (message) => {
      if (!('compared' in message)) return;
      const { task, shape, ratio, ours, plain } = message.compared;
      compared.push(message.compared);
      console.error(
        `${way}: ${task}, ${shape}: ${ratio.median.toFixed(2)} (${ours.toFixed(1)} ms, plain ${plain.toFixed(1)} ms)`,
      );
    });
    for (const task of MEASURED) {
      const cells = SHAPES.map(([batch, length]) => {
        const found = compared.find((one) => one.task === task && one.shape === `${batch} × ${length}`);
        return found ? `${found.ratio.median.toFixed(2)} (${found.ours.toFixed(1)})` : 'failed';
      });
      lines.push(`| ${task} | ${way} | ${cells.join(' | ')} |`);
    }
    const before = memoryOfCard();
    await run(way, true, (message) => {
      if (!('begun' in message)) return;
      const { task, runs, stats } = message.begun;
      const memory =
        message.memory === null || before === null ? '' : `${((message.memory - before) / 1024).toFixed(1)} GB`;
      const times = runs.map((milliseconds) => milliseconds.toFixed(0)).join(', ');
      const held = `${stats.held.sessions} (${(stats.held.weights / 2 ** 30).toFixed(2)} GB)`;
      firsts.push(`| ${way} | ${task} | ${times} | ${stats.dispatches.length} | ${held} | ${memory} |`);
    });
  }
  const heads = SHAPES.map(([batch, length]) => `${batch} × ${length}`);
  console.log(
    `\n| trace on \`${device}\` | how | ${heads.join(' | ')} |\n| --- | --- | ${heads.map(() => '---').join(' | ')} |`,
  );
  console.log(lines.sort().join('\n'));
  console.log(
    '\n| how | one trace after the other, 8 × 64 | first three runs (ms) | sessions of a run | kept (weights) | memory of the card |',
  );
  console.log(`| --- | --- | --- | --- | --- | --- |\n${firsts.join('\n')}`);
}

async function measure(way: Way, model: BenchModel, isFirst: boolean): Promise<void> {
  const send = (message: Message) => process.send!(message);
  if (isFirst) {
    for await (const begun of firstRuns(device, way, model)) send({ begun, memory: memoryOfCard() });
  } else {
    const effort = quick ? QUICK : EFFORT;
    for await (const compared of tracesOn(device, way, { model, effort, tasks: MEASURED })) send({ compared });
  }
}

/** Measures a way in a process of its own: the memory of the card is free again when it has ended. */
function run(way: Way, isFirst: boolean, told: (message: Message) => void): Promise<void> {
  const words = [...process.argv.slice(2), '--child', way, ...(isFirst ? ['--first'] : [])];
  const started = fork(fileURLToPath(import.meta.url), words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  started.on('message', told);
  return new Promise((resolve) => {
    started.on('exit', (code, signal) => {
      if (code !== 0) console.error(`${way}: the process ended with ${signal ?? code}`);
      resolve();
    });
  });
}

/** The memory of the card that is in use, in MiB; null where no card tells it. */
function memoryOfCard(): number | null {
  try {
    const words = ['--query-gpu=memory.used', '--format=csv,noheader,nounits'];
    return Number(
      execFileSync('nvidia-smi', words, { stdio: ['ignore', 'pipe', 'ignore'] })
        .toString()
        .split('\n')[0],
    );
  } catch {
    return null;
  }
}

function options() {
  const { values } = parseArgs({
    options: {
      device: { type: 'string', default: 'cpu' },
      way: { type: 'string', multiple: true, default: ['by block', 'in segments', 'whole'] },
      quick: { type: 'boolean', default: false },
      model: { type: 'string', default: 'gpt2' },
      child: { type: 'string' },
      first: { type: 'boolean', default: false },
    },
  });
  const way = (name: string): Way => {
    const found = wayNames.find((known) => known === name);
    if (!found) throw new Error(`There is no way '${name}'. Take one of ${wayNames.join(', ')}.`);
    return found;
  };
  return {
    device: values.device as Device,
    way: values.way.map(way),
    quick: values.quick,
    tiny: values.model === 'tiny',
    child: values.child === undefined ? null : way(values.child),
  };
}
