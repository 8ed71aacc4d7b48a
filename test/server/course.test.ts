import { LanguageModel, NNsight, requestFromJson, requestToJson, save, type TraceRequest } from 'onnsight';
import { expect, it } from 'vitest';
import { damageJson } from '../fuzz/inputs/damage.ts';
import { Random } from '../fuzz/inputs/random.ts';
import { modelPath } from '../support/fixtures.ts';
import { TOY } from '../support/toy.ts';
import { BARE } from './asked.ts';

// biome-ignore lint/suspicious/noExplicitAny: the tests break what a type would say.
type Json = any;

const options = { device: 'cpu', maxIterations: 50 } as const;
const lm = await LanguageModel.load(TOY, options);
lm.transformer.h[0].sae = await NNsight.load(modelPath('zoo/sae', 'ts'), options);
const prompt = 'The Eiffel Tower is in the city of';

const requests: Record<string, (options: object) => Promise<unknown>> = {
  session: (given) =>
    lm.session((session) => {
      const hidden = session.trace(prompt, () => lm.transformer.h[1].output);
      const { sequences } = session.generate(prompt, { maxNewTokens: 2 });
      return session.trace({ input_ids: sequences }, () => {
        lm.transformer.h[1].output['0, 0'] = hidden['0, 0'];
        return save(lm.lm_head.output['0, -1']);
      });
    }, given),
  generation: (given) =>
    lm.generate(
      prompt,
      (tracer) => {
        const norms = [];
        for (const _ of tracer.iter()) norms.push(save(lm.transformer.h[0].output.norm()));
        return norms;
      },
      { maxNewTokens: 2, ...given },
    ),
  attached: (given) =>
    lm.trace(
      prompt,
      () => {
        const { sae } = lm.transformer.h[0];
        lm.transformer.h[0].output = sae(lm.transformer.h[0].output);
        return save(lm.lm_head.output['0, -1']);
      },
      given,
    ),
};

/** A request as JSON, which says what runs besides its graph. */
async function jsonOf(run: (options: object) => Promise<unknown>): Promise<Json> {
  let json: Json;
  const noting = {
    async run(request: TraceRequest) {
      json = JSON.parse(JSON.stringify(requestToJson(request)));
      return request.execute();
    },
  };
  await run({ backend: noting });
  return json;
}

/** Of a request that has the right form one whole number is another one: a value, a forward, a step. */
function withOtherNumber(json: Json, random: Random): Json {
  const places: [Json, string][] = [];
  const look = (one: Json) => {
    for (const [key, value] of Object.entries(one ?? {})) {
      if (Number.isInteger(value)) places.push([one, key]);
      else if (typeof value === 'object') look(value);
    }
  };
  look(json);
  const [holder, key] = random.of(places);
  holder[key] = random.below(60);
  return json;
}

const OURS = ['AnswerError', 'GraphError', 'InputError', 'ModelError', 'TraceError'];

it.each(Object.entries(requests))('a %s runs as JSON, and damaged it is refused in words', async (_, run) => {
  const json = await jsonOf(run);
  const attached = async (hash: string) => (hash === json.model ? null : lm.transformer.h[0].sae);
  const execute = async (given: Json) => lm.execute(requestFromJson(given), { attached });
  expect((await execute(json)).length).toBe(json.graph.saves.length);
  const told: string[] = [];
  let refused = 0;
  for (let seed = 0; seed < 120; seed++) {
    const random = new Random(seed);
    const { course, graph } = structuredClone(json);
    const damaged = [
      { ...json, graph: damageJson(graph, random) },
      { ...json, course: damageJson(course, random) },
      { ...json, course: withOtherNumber(course, random) },
      { ...json, graph: withOtherNumber(graph, random) },
    ][seed % 4]!;
    await execute(damaged).catch((error: Error) => {
      refused++;
      if (!OURS.includes(error.name) || BARE.test(error.message)) told.push(`${seed}: ${error.stack}`);
    });
  }
  expect(told).toEqual([]);
  expect(refused).toBeGreaterThan(40);
});

it('more forwards than a request may have are refused', async () => {
  const json = await jsonOf(requests.attached!);
  json.course.forwards = Array(4097).fill(json.course.forwards[0]);
  expect(() => requestFromJson(json)).toThrow('The request has 4097 forwards, and may have 4096.');
});
