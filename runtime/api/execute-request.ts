import { TraceError } from '../errors.ts';
import type { HostFunction } from '../execution/apply.ts';
import { Execution, type ExecutionOptions, hasGradients } from '../execution/execution.ts';
import type { ForwardRun } from '../execution/forward-run.ts';
import { ReuseScope } from '../execution/reuse.ts';
import { TraceRun } from '../execution/trace-run.ts';
import { GraphError } from '../graph/error.ts';
import { forwardOf } from '../graph/forwards.ts';
import { siteOf } from '../graph/site.ts';
import { withRegions } from '../graph/walk.ts';
import { prepareInputs } from '../inputs/prepare.ts';
import type { Inputs } from '../inputs/signature.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { NewToken, ReceivedRequest } from '../types/backend.ts';
import type { Course, CourseForward, CourseFunction } from '../types/course.ts';
import { givenAt } from './at-caller.ts';
import { Decoding } from './decoding.ts';
import { rowSampler } from './generate-options.ts';
import { runGeneration } from './generation-run.ts';
import { checkAddresses } from './request-addresses.ts';
import type { RunnableModel } from './runnable-model.ts';

export interface RequestRunOptions extends Pick<ExecutionOptions, 'signal' | 'onProgress'> {
  readonly onToken?: ((token: NewToken) => void) | undefined;
}

/**
 * Runs a request on a model: the tensors of its saves, in order.
 * @param others gives the further models that it names, by their hashes; null where there is none
 * @throws GraphError for what the graph says of the models and is not so; TraceError at the line of the user where a model
 * is not there
 */
export async function executeRequest(
  { graph, inputs, course }: ReceivedRequest,
  model: RunnableModel,
  others: (hash: string) => Promise<RunnableModel | null>,
  options: RequestRunOptions,
): Promise<(Tensor | undefined)[]> {
  const { map, engine } = model;
  if (!course) {
    checkAddresses([map], graph);
    const run = { engine, owner: 0, inputs: prepareInputs(map.model, Object.fromEntries(inputs)) };
    const execution = new Execution(graph, [run], new Map(), options);
    if (!hasGradients(graph)) return execution.single();
    await execution.run(graph.saves.map(({ value }) => value));
    return graph.saves.map(({ value }) => execution.values.get(value)!);
  }
  const models: RunnableModel[] = [];
  for (const [i, forward] of course.forwards.entries()) {
    const own = [model, ...model.parts].find((one) => one.map.model.hash === forward.model.hash);
    const found = own ?? (await others(forward.model.hash));
    if (!found) throw notThere(graph.root.nodes, i);
    models.push(found);
  }
  checkAddresses(
    models.map((one) => one.map),
    graph,
  );
  return new ReceivedCourse(graph, course, models, options).run();
}

function notThere(nodes: Parameters<typeof withRegions>[0], forward: number): Error {
  const node = [...withRegions(nodes)].find((one) => one.op === 'forward' && forwardOf(one) === forward);
  return new TraceError(
    'The model that is called here is none of those that this server has. Call one that it has, the same file, or run the trace in your own program.',
    node ? siteOf(node) : null,
  );
}

/** A course that came as data, on the models that it names. */
class ReceivedCourse {
  private readonly course: Course;
  private readonly models: readonly RunnableModel[];
  private readonly options: RequestRunOptions;
  private readonly decodings = new Map<number, Decoding>();
  private readonly traceRun: TraceRun;

  constructor(
    graph: ReceivedRequest['graph'],
    course: Course,
    models: readonly RunnableModel[],
    options: RequestRunOptions,
  ) {
    this.course = course;
    this.models = models;
    this.options = options;
    const { forwards, functions, late } = course;
    this.traceRun = new TraceRun(graph, {
      forwards: forwards.map((forward, i) => this.forwardRun(forward, i)),
      given: new Map(forwards.flatMap(({ given }, i) => (given.size > 0 ? [[i, given] as const] : []))),
      functions: new Map(Array.from(functions, ([value, fn]) => [value, this.fn(fn)])),
      conditions: new Set(late?.conditions.keys()),
      outcomes: new Set(late?.outcomes),
      carried: [
        ...forwards.flatMap(({ given }) => [...given.values()]),
        ...(late?.steps.flatMap(({ logits, cache }) => [logits, ...cache.values()]) ?? []),
      ],
    });
  }

  async run(): Promise<(Tensor | undefined)[]> {
    const { late, forwards } = this.course;
    const options = { ...this.options, reuse: new ReuseScope() };
    if (!late) return this.traceRun.execute(options);
    const first = forwards.findIndex(({ step }) => step?.index === 0);
    if (first === -1) throw new GraphError('course: the generation has no first step');
    const decoding = this.begin(0, first, this.traceRun.forwards[first]!.inputs);
    // As in a generation here, no step finds what another one has left.
    return runGeneration(
      this.traceRun,
      late,
      decoding,
      (forward) => forwards[forward]!.step?.index ?? -1,
      this.options,
    );
  }

  private forwardRun({ owner, inputs, given, step, site }: CourseForward, i: number): ForwardRun {
    const { engine, map } = this.models[i]!;
    const base = { engine, owner };
    if (owner !== i) return { ...base, inputs: new Map() };
    const all = (tensors: ReadonlyMap<string, InputTensor>) =>
      givenAt(
        () => site,
        () => prepareInputs(map.model, { ...Object.fromEntries(inputs), ...Object.fromEntries(tensors) } as Inputs),
      );
    if (this.course.late) return { ...base, inputs: step?.index === 0 ? all(new Map()) : new Map() };
    if (step && step.index > 0) {
      const prepare = (tensors: ReadonlyMap<string, InputTensor>) =>
        this.decoding(step.generation).inputs(map.model, tensors);
      return { ...base, inputs: new Map(), prepare, isReached: () => this.decoding(step.generation).goesOn };
    }
    if (!step && inputs.size > 0 && given.size === 0) return { ...base, inputs: all(new Map()) };
    return {
      ...base,
      inputs: new Map(),
      prepare: (tensors) => {
        const made = all(tensors);
        if (step) this.begin(step.generation, i, made);
        return made;
      },
    };
  }

  private begin(generation: number, forward: number, prompt: ReadonlyMap<string, InputTensor>): Decoding {
    const given = this.course.generations[generation]!;
    const { onToken } = this.options;
    const options = {
      ...given,
      sample: rowSampler(given.sampling),
      ...(onToken && { onToken: (token: NewToken) => onToken({ ...token, generation }) }),
    };
    const decoding = new Decoding(this.models[forward]!.map.model, prompt, options);
    this.decodings.set(generation, decoding);
    return decoding;
  }

  private decoding(generation: number): Decoding {
    const begun = this.decodings.get(generation);
    if (begun) return begun;
    throw new GraphError(`course: a later step of the generation ${generation} runs before its first one`);
  }

  private fn(fn: CourseFunction): HostFunction {
    const decoding = () => this.decoding(fn.generation);
    if (fn.kind === 'reached') {
      const gotTo = () => Tensor.from(decoding().gotTo(fn.step, fn.rows));
      return { run: gotTo, unreached: gotTo, backward: null };
    }
    const unreached = () => decoding().sequences();
    const run = async (scores: Tensor) => {
      await decoding().advance(scores);
      return unreached();
    };
    return { run, unreached, backward: null };
  }
}
