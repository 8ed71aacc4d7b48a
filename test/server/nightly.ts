/** `npm run nightly -- requests|jobs|load`: what takes too long for the tests of a server. An error ends it. */
import { program } from 'commander';
import { LanguageModel, map, RemoteBackend, save } from 'onnsight';
import { modelPath } from '../support/fixtures.ts';
import { Asked, askDamaged } from './asked.ts';
import { Fleet, onnsight, printed } from './fleet.ts';

const TOY = 'models/toy-gpt2';
const LOAD_LIMITS = ['requests=1e9', 'jobs=1e6', 'waiting=1e6'];
const PROMPT = 'The Eiffel Tower is in the city of';
/** What the traces of a load are about: the same prompt each time, of which all is known soon, or others of ten tokens. */
const PROMPTS: Record<string, () => unknown> = {
  'the same prompt': () => PROMPT,
  'other prompts': () => ({ input_ids: [Array.from({ length: 10 }, () => Math.floor(Math.random() * 150))] }),
};

program
  .command('requests')
  .description('damaged requests over HTTP: each is refused in words, or runs')
  .option('--count <number>', 'how many', '100000')
  .option('--first <number>', 'the first seed', '0')
  .action(async (options: { count: string; first: string }) => {
    const limits = { time: 20, memory: 8e8, requests: 1e9 };
    const asked = await Asked.start({ models: [`mlp=${modelPath('zoo/mlp', 'ts')}`], limits });
    const onAnswered = (answered: number) => {
      if (answered % 10_000 === 0) console.log(`${answered} answered`);
    };
    const asks = { count: Number(options.count), first: Number(options.first), onAnswered };
    console.log(await askDamaged(asked, 'mlp', asks));
    await asked.server.close();
  });

program
  .command('jobs')
  .description('jobs of a fleet during which workers, Redis and the server are killed: each is answered right once')
  .option('--count <number>', 'how many', '1000')
  .action(async ({ count }: { count: string }) => {
    const total = Number(count);
    // Here and there in the same pieces, however often a block has run: the last bits of other ways differ.
    process.env.ONNSIGHT_SEGMENTS ??= 'layers';
    const fleet = await new Fleet([`toy=${TOY}`], ['lock=2', 'requests=1e9']).start(3);
    const backend = new RemoteBackend(fleet.url);
    const lm = await LanguageModel.load(TOY, { device: 'cpu' });
    const scaled = (factor: number, options: object) =>
      lm.trace(
        PROMPT,
        () => {
          lm.transformer.h[1].output *= factor / total;
          return save(lm.lm_head.output['0, -1']);
        },
        options,
      );
    const kills = [
      async () => {
        await fleet.killWorker();
        await fleet.startWorker();
      },
      async () => {
        await fleet.killRedis();
        await fleet.startRedis();
      },
      async () => {
        await fleet.killFront();
        await fleet.startFront();
      },
    ];
    let killing: Promise<unknown> = Promise.resolve();
    const inputs = Array.from({ length: total }, (_, i) => i);
    const answers = await map(inputs, (factor) => scaled(factor, { backend }), {
      concurrency: 16,
      retries: 8,
      onProgress(done) {
        if (done % 50 === 0) killing = killing.then(kills[(done / 50) % kills.length]);
      },
    });
    await killing;
    let wrong = 0;
    for (const [i, answer] of answers.entries()) {
      const { data } = await scaled(i, {});
      if (String(data) !== String(answer.data)) wrong++;
    }
    console.log(`${total} jobs: ${answers.length} answered, ${wrong} wrong`);
    await fleet.end();
    if (wrong > 0) process.exitCode = 1;
  });

program
  .command('load')
  .description('clients that trace the toy at once, against direct calls in this process')
  .option('--clients <number>', 'how many', '64')
  .option('--seconds <number>', 'how long', '60')
  .action(async (options: { clients: string; seconds: string }) => {
    // A process of its own, as servers are.
    const served = onnsight(['serve', `toy=${TOY}`, '--port', '0', '--quiet', '--limit', ...LOAD_LIMITS]);
    const [, url] = await printed(served, /^(http\S+) serves /m);
    const backend = new RemoteBackend(url!);
    const lm = await LanguageModel.load(TOY, { device: 'cpu' });
    const bytes = async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^onnsight_model_process_bytes\{.*\} (\S+)/m.exec(text)![1]);
    };
    const [clients, seconds] = [Number(options.clients), Number(options.seconds)];
    for (const [about, prompt] of Object.entries(PROMPTS)) {
      const trace = (given: object) =>
        lm.trace(
          prompt() as string,
          () => {
            lm.transformer.h[1].output *= 0.5;
            return save(lm.lm_head.output['0, -1']);
          },
          given,
        );
      // Before and after, as a machine is not equally fast all the time.
      const direct = () => rate(() => trace({}), 1, Math.min(seconds, 10) / 2);
      const before = await direct();
      await rate(() => trace({ backend }), clients, seconds / 6);
      const held = await bytes();
      const remote = await rate(() => trace({ backend }), clients, seconds);
      const grown = (await bytes()) - held;
      const after = await direct();
      const perSecond = (before.perSecond + after.perSecond) / 2;
      console.log(
        `${about}: ${before.perSecond.toFixed(0)} direct traces a second before, ${after.perSecond.toFixed(0)} after`,
      );
      console.log(
        `${clients} clients: ${remote.perSecond.toFixed(0)} (${(remote.perSecond / perSecond).toFixed(2)} of direct calls), p99 ${remote.p99.toFixed(0)} ms, memory of the model's process ${(grown / 1e6).toFixed(1)} MB more`,
      );
    }
    served.kill('SIGTERM');
  });

/** How many traces so many clients get in a second, and how long all but one in a hundred take at most, in milliseconds. */
async function rate(trace: () => Promise<unknown>, clients: number, seconds: number) {
  for (let i = 0; i < 50; i++) await trace();
  const [times, until]: [number[], number] = [[], performance.now() + seconds * 1000];
  const work = async () => {
    while (performance.now() < until) {
      const begun = performance.now();
      await trace();
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  times.sort((a, b) => a - b);
  return { perSecond: times.length / seconds, p99: times[Math.floor(times.length * 0.99)]! };
}

await program.name('nightly').parseAsync();
