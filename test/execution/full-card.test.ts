import { NNsight, save } from 'onnsight';
import { afterEach, expect, it, vi } from 'vitest';
import { Programs } from '../../runtime/execution/programs.ts';
import { ort } from '../../runtime/ort/ort.ts';
import type { Session } from '../../runtime/ort/port.ts';
import type { Program } from '../../runtime/partition/plan.ts';
import { modelPath } from '../support/fixtures.ts';

/** A card with room for two sessions. */
class Card {
  readonly held = new Set<string>();

  readonly createSession = async (model: Uint8Array): Promise<Session> => {
    const name = new TextDecoder().decode(model);
    if (this.held.size === 2) throw new Error('CUDA failure 2: out of memory ; GPU=0 ; hostname=vm');
    this.held.add(name);
    return {
      run: async () => ({ y: ort.tensor('float32', [1], Float32Array.of(this.held.size)) }),
      release: async () => void this.held.delete(name),
    };
  };
}

const program = (key: string): Program => ({
  key,
  kind: 'whole',
  weights: 1,
  random: false,
  write: () => new TextEncoder().encode(key),
});

function programsOn(card: Card, device: 'cuda' | 'cpu'): Programs {
  vi.spyOn(ort, 'createSession').mockImplementation(card.createSession);
  return new Programs({ device, folder: '' }, { checkFiles: () => {} }, 1e9);
}

afterEach(() => {
  vi.restoreAllMocks();
});

it('a full card makes room: sessions that nobody uses are released, and the run goes on', async () => {
  const card = new Card();
  const programs = programsOn(card, 'cuda');
  for (const key of ['a', 'b', 'c']) await programs.run(program(key), {}, ['y']);
  expect([...card.held]).toEqual(['c']);
  expect(programs.held).toEqual({ sessions: 1, weights: 1 });
});

it('where nothing can be released, and on other devices, the error stays', async () => {
  const full = new Card();
  full.held.add('another model').add('a third one');
  await expect(programsOn(full, 'cuda').run(program('a'), {}, ['y'])).rejects.toThrow('out of memory');
  const card = new Card();
  const programs = programsOn(card, 'cpu');
  for (const key of ['a', 'b']) await programs.run(program(key), {}, ['y']);
  await expect(programs.run(program('c'), {}, ['y'])).rejects.toThrow('out of memory');
  expect([...card.held]).toEqual(['a', 'b']);
});

it('what a card lacks is told at the line of the block, without the C++', async () => {
  const model = await NNsight.load(modelPath('zoo/mlp', 'ts'), { device: 'cpu' });
  const message =
    "Non-zero status code returned while running Conv node. Name:'/conv/Conv' Status Message: /onnxruntime_src/a.cc:1 int f(int) CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED ; GPU=0 ; hostname=vm";
  const run = () => Promise.reject(new Error(message));
  vi.spyOn(ort, 'createSession').mockResolvedValue({ run, release: async () => {} });
  const trace = model.trace({ x: [[0.1, 0.2, 0.3, 0.4, 0.5]] }, () => {
    return save(model.layer1.output);
  });
  await expect(trace).rejects.toThrow(
    /^test\/execution\/full-card\.test\.ts:\d+:\d+ - The device could not run the model: cuDNN does not work \(CUDNN failure 1001: CUDNN_STATUS_NOT_INITIALIZED\)\. Install cuDNN/,
  );
});
