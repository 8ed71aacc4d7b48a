import { type NNsight, norm, save, type Tensor } from 'onnsight';

/** What a program does to a model, one step after the other. `at` and `from` are positions in PATHS. */
type Step =
  | { readonly do: 'scale' | 'scale the input'; readonly at: number; readonly by: number }
  | { readonly do: 'set a row'; readonly at: number; readonly by: number }
  | { readonly do: 'add'; readonly at: number; readonly from: number }
  | { readonly do: 'call'; readonly at: number; readonly from: number }
  | { readonly do: 'skip'; readonly at: number }
  | { readonly do: 'read'; readonly at: number }
  | { readonly do: 'if'; readonly at: number; readonly above: number; readonly yes: Steps; readonly no: Steps }
  | { readonly do: 'rows'; readonly at: number; readonly above: number; readonly steps: Steps }
  | { readonly do: 'while'; readonly at: number; readonly above: number };
export type Steps = readonly Step[];

/** Modules of the zoo's gpt2 that take and give [batch, sequence, 32], in the order in which they run. */
export const PATHS: readonly string[] = [
  ...[0, 1].flatMap((layer) =>
    ['ln_1', 'attn.c_proj', 'attn', 'ln_2', 'mlp', ''].map((name) =>
      `model.transformer.h.${layer}.${name}`.replace(/\.$/, ''),
    ),
  ),
  'model.transformer.ln_f',
];

/** The kinds of steps that change a module's input: what its output was read for before would be a cycle. */
const BEFORE = new Set([2, 6]);

/** A program of nested branches and loops, the same for the same seed. */
export function randomSteps(seed: number): Steps {
  let state = seed + 1;
  const below = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  // Steps go forward through the model: what would feed an earlier module is a cycle.
  let at = 0;
  const number = () => (1 + below(30)) / 10;
  const list = (depth: number): Steps => Array.from({ length: 1 + below(4) }, () => step(depth));
  const step = (depth: number): Step => {
    const from = at;
    const isAtEnd = at === PATHS.length - 1;
    let kind = below(depth < 2 ? 13 : 8);
    if (BEFORE.has(kind)) {
      if (isAtEnd) kind = 0;
      else at++;
    }
    at = Math.min(at + below(3), PATHS.length - 1);
    switch (kind) {
      case 0:
      case 1:
        return { do: 'scale', at, by: number() };
      case 2:
        return { do: 'scale the input', at, by: number() };
      case 3:
        return { do: 'set a row', at, by: number() };
      case 4:
        return { do: 'add', at, from };
      case 5:
        return { do: 'call', at, from };
      case 6:
        return { do: 'skip', at };
      case 7:
        return { do: 'read', at };
      case 8:
      case 9:
      case 10: {
        const [here, above] = [at, below(2) ? 0 : 1e6];
        return { do: 'if', at: here, above, yes: list(depth + 1), no: list(depth + 1) };
      }
      case 11:
        return { do: 'rows', at, above: below(8), steps: list(depth + 1) };
      default:
        return { do: 'while', at, above: number() };
    }
  };
  return Array.from({ length: 2 + below(4) }, () => step(0));
}

/** Runs a program in one trace: its reads, what it counted, and the model's output. */
export async function perform(model: NNsight, inputs: object, steps: Steps): Promise<Record<string, Tensor>> {
  const { reads, count, output } = await model.trace(inputs as never, () => {
    const seen = { total: model.get('model.transformer.wte').output.sum() * 0, count: 0 };
    act(model, steps, seen);
    return { reads: save(seen.total), count: save(seen.count + seen.total * 0), output: save(model.output) };
  });
  return { reads, count, output } as Record<string, Tensor>;
}

function act(model: NNsight, steps: Steps, seen: { total: number; count: number }): void {
  'use trace';
  for (const step of steps) {
    const module = model.get(PATHS[step.at]!);
    if (step.do === 'scale') module.output *= step.by;
    else if (step.do === 'scale the input') module.input *= step.by;
    else if (step.do === 'set a row') module.output[':, 1'] = step.by;
    else if (step.do === 'add') module.output = module.output + model.get(PATHS[step.from]!).output;
    else if (step.do === 'call') module.output = module(model.get(PATHS[step.from]!).output);
    else if (step.do === 'skip') module.skip(module.input * 0.5);
    else if (step.do === 'read') seen.total += norm(module.output);
    else if (step.do === 'if') {
      if (norm(module.output) > step.above) {
        seen.count += 1;
        act(model, step.yes, seen);
      } else act(model, step.no, seen);
    } else if (step.do === 'rows') {
      for (const row of module.output[0]) {
        if (norm(row) < step.above) continue;
        seen.total += norm(row);
        act(model, step.steps, seen);
      }
    } else if (step.do === 'while') {
      while (norm(module.output) > step.above) {
        module.output *= 0.5;
        seen.count += 1;
      }
    }
  }
}
