import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { map, NNsight, RemoteBackend, save } from 'onnsight';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { AnswerLinks } from '../../server/queue/links.ts';
import { modelPath } from '../support/fixtures.ts';
import { loadToy, reference } from '../support/toy.ts';
import { Fleet, hasRedis, isAlive } from './fleet.ts';

const MLP = modelPath('zoo/mlp', 'ts');
const { clean } = reference.prompts;
const lm = await loadToy();

if (!hasRedis) console.warn('There is no redis-server on this machine: the tests of fleets are skipped.');

/** How often workers have begun with jobs that have not ended. */
async function attempts(url: string): Promise<number> {
  const redis = new Redis(url);
  try {
    const keys = (await redis.keys('bull:onnsight-*:j*')).filter((key) => /:j[0-9a-f]+$/.test(key));
    const jobs = await Promise.all(keys.map((key) => redis.hgetall(key)));
    return Math.max(0, ...jobs.filter(({ finishedOn }) => !finishedOn).map(({ ats = '0' }) => Number(ats)));
  } finally {
    redis.disconnect();
  }
}

describe.skipIf(!hasRedis)('a server with workers behind a queue', () => {
  let fleet: Fleet;
  let backend: RemoteBackend;

  beforeAll(async () => {
    fleet = await new Fleet(
      ['toy=models/toy-gpt2', `mlp=${MLP}`],
      ['lock=1', 'iterations=1e12', 'requests=1e6', 'jobs=20'],
    ).start(2);
    backend = new RemoteBackend(fleet.url);
  }, 120_000);
  afterAll(() => fleet?.end());

  const trace = (options: object) => lm.trace(clean, () => save(lm.transformer.h[2].output), options);

  it('gives what a trace gives here, with progress; tokens come as they are made', async () => {
    const told: unknown[] = [];
    const remote = await trace({ backend, onProgress: (...progress: number[]) => told.push(progress) });
    expect(remote.data).toEqual((await trace({})).data);
    expect(told.length).toBeGreaterThan(0);
    const generate = async (options: object) => {
      const tokens: unknown[] = [];
      const { texts } = await lm.generate(clean, {
        maxNewTokens: 4,
        onToken: (token) => tokens.push(token),
        ...options,
      });
      return { texts, tokens };
    };
    expect(await generate({ backend })).toEqual(await generate({}));
  });

  it('sends an answer above 1 MB by a signed URL', async () => {
    const model = await NNsight.load(MLP);
    const rows = Array.from({ length: 60_000 }, (_, i) => [0, 1, 2, 3, i / 1000]);
    const { output } = await model.trace({ x: rows }, { backend });
    expect(output!.data).toEqual((await model.trace({ x: rows })).output!.data);
    const files = readdirSync(join(fleet.folder, 'store'));
    const answer = files.find((file) => file.endsWith('-answer'))!;
    expect((await fetch(`${fleet.url}/answers/${answer}`)).status).toBe(403);
    const forged = new AnswerLinks('another secret').link(answer);
    expect((await fetch(`${fleet.url}${forged}`)).status).toBe(403);
  });

  it('a job that ends two workers is given up, in words', async () => {
    const job = backend.job('killer');
    const long = lm.trace(
      clean,
      () => {
        let x = lm.transformer.h[0].output.norm();
        while (x > 0) x = x * 0.5 + 1;
        return save(x);
      },
      { backend: job },
    );
    const refused = expect(long).rejects.toThrow(/It has ended two workers while it ran, and is not tried again/);
    await vi.waitFor(async () => expect((await job.status()).status).toBe('running'), 20_000);
    // Which of them has it is not told: all end, and others come.
    const models: number[] = [];
    while (fleet.workers.length > 0) models.push(...(await fleet.killWorker()));
    await fleet.startWorker();
    await vi.waitFor(async () => expect(await attempts(fleet.redisUrl)).toBe(2), 20_000);
    models.push(...(await fleet.killWorker()));
    await Promise.all([fleet.startWorker(), fleet.startWorker()]);
    await refused;
    // The processes of the models end with their workers, also in the middle of a run.
    expect(models.length).toBeGreaterThan(2);
    await vi.waitFor(() => expect(models.filter(isAlive)).toEqual([]), 10_000);
  });

  it('of jobs during which a worker, Redis and the server are killed, each is answered right once', async () => {
    const inputs = Array.from({ length: 60 }, (_, i) => i);
    const scale = (factor: number, options: object) =>
      lm.trace(
        clean,
        () => {
          lm.transformer.h[1].output *= factor / 60;
          return save(lm.lm_head.output['0, -1']);
        },
        options,
      );
    let kills = Promise.resolve();
    const answered = await map(inputs, (factor) => scale(factor, { backend }), {
      concurrency: 8,
      retries: 6,
      onProgress(done) {
        if (done === 15) kills = kills.then(() => fleet.killWorker()).then(() => void fleet.startWorker());
        if (done === 30) kills = kills.then(() => fleet.killRedis()).then(() => fleet.startRedis());
        if (done === 45) kills = kills.then(() => fleet.killFront()).then(() => fleet.startFront());
      },
    });
    await kills;
    for (const [i, logits] of answered.entries()) expect(logits.data, `${i}`).toEqual((await scale(i, {})).data);
  });
});

it('the URL of an answer holds for this answer, for a while', () => {
  const links = new AnswerLinks('secret');
  const query = (link: string) => Object.fromEntries(new URL(link, 'http://x').searchParams);
  const link = query(links.link('a'));
  expect(links.holds('a', link)).toBe(true);
  expect(links.holds('b', link)).toBe(false);
  expect(links.holds('a', { ...link, expires: `${Number(link.expires) + 1}` })).toBe(false);
  expect(links.holds('a', {})).toBe(false);
  vi.useFakeTimers({ now: Date.now() + 601_000 });
  expect(links.holds('a', link)).toBe(false);
  vi.useRealTimers();
});
