import { now } from '../clock.ts';
import { hasLikes, type InterventionGraph } from '../graph/graph.ts';
import { keyOf } from '../graph/key.ts';
import { narrow } from '../graph/passes/narrow.ts';
import { narrowCalls } from '../graph/passes/narrow-calls.ts';
import { Remade } from '../graph/remade.ts';
import type { Region, Shape, Value } from '../graph/types.ts';
import type { Locate } from '../lowering/address.ts';
import { gradientFromOutside } from '../lowering/body-gradients.ts';
import { Dependencies } from '../lowering/dependencies.ts';
import { type Layer, layersOf, partOutputs } from '../modules/layers.ts';
import { type Module, walk } from '../modules/module.ts';
import type { OnnxModel } from '../onnx/model.ts';
import type { SymbolicTypes } from '../shapes/symbolic.ts';
import type { InputTensor } from '../tensor/string-tensor.ts';
import { BlockSessions } from './block-sessions.ts';
import type { CutModel } from './cut-model.ts';
import { Cuts } from './cuts.ts';
import { FragmentWriter } from './fragment-writer.ts';
import { InterventionPrograms } from './intervention-programs.ts';
import type { Plan, ProgramStore } from './plan.ts';
import { PlanCache, type Way } from './plan-cache.ts';
import { onlyReads, Reading } from './reading.ts';
import { RowWiseEnds } from './row-wise.ts';
import { areMany } from './schedule.ts';
import { SegmentPrograms } from './segment-programs.ts';
import type { Segmentation } from './segmentation.ts';
import { segmentedPlan } from './segmented-plan.ts';
import { stretchesOf } from './stretches.ts';
import { Taps } from './taps.ts';
import { type RanInSegments, sumOf, Tiers } from './tiers.ts';
import { wholeKey, wholePlan } from './whole-plan.ts';

/** A run that is to be planned. */
export interface Request {
  readonly graph: InterventionGraph;
  readonly inputs: ReadonlyMap<string, InputTensor>;
  /** Whether nothing of the run is used again: its segments need not be found by others. */
  readonly isAlone: boolean;
  /** Whether it may run with taps in this thread: nobody waits for its parts. */
  readonly mayTap: boolean;
  /** Whether it may be told to end, which it does between two parts. */
  readonly mayEnd: boolean;
  /** The number of elements of the inputs. */
  readonly size: number;
  /** How many runs like this one are sure to come, this one among them. */
  readonly runs: number;
  /** Whether nothing is known that segments of it gave on the same inputs. */
  isNew(): boolean;
}

/** How a graph is to be run. */
export interface Planned {
  /** The graph that is run: one that gives the same as the one that was asked for and computes less, or that one. */
  readonly graph: InterventionGraph;
  readonly plan: Plan;
  /** Milliseconds that planning took; null if a graph of this structure was planned before. */
  readonly milliseconds: number | null;
  /** The graph that other ways to run it start from. */
  readonly block: Block;
  readonly way: Way;
}

/** A graph and its structure as text. */
interface Block {
  readonly graph: InterventionGraph;
  readonly key: string;
}

/** A plan with the version of the cuts that it was made for; null for one that does not depend on them. */
interface Versioned<P extends Plan | null> {
  readonly plan: P;
  readonly version: number | null;
}

/** Where blocks become one session. */
interface Blocks {
  readonly sessions: BlockSessions;
  /** The model for blocks that only read: in one piece, or two where it ends row by row. */
  readonly readable: CutModel;
}

export interface PlannerOptions {
  /** How often the body of a loop may run. */
  readonly maxIterations?: number | undefined;
  /** The shapes of the model's tensors, once they are known. */
  readonly formulas?: (() => SymbolicTypes | null) | undefined;
  /** How many blocks may have a session of their own that had none at first. */
  readonly ownSessions?: number | undefined;
}

/** Plans how graphs are run inside one model, each structure once. */
export class Planner {
  private readonly model: OnnxModel;
  private readonly locate: Locate;
  private readonly writer: FragmentWriter;
  private readonly ends: RowWiseEnds;
  /** Null for a model that always runs whole. */
  private readonly cut: CutModel | null;
  private readonly plans = new PlanCache();
  /** Of graphs, by the nodes that several have: how they run, and the key of that. */
  private readonly known = new WeakMap<Region, { readonly key: string; readonly narrowed: Remade | null }>();
  /** The model in one piece, for blocks of more nodes than one program is to have; null where every block is one. */
  private readonly inOnePiece: (() => CutModel) | null;
  /** Null where all blocks run alike. */
  private readonly blocks: Blocks | null;
  /** Null where no block changes its way. */
  private readonly tiers: Tiers | null;
  private readonly store: ProgramStore;
  private readonly maxIterations: number | undefined;
  /** Makes taps at layers, or at the modules inside of them, too; null for a model without layers, or where there are none. */
  private makeTaps: ((isDeep: boolean) => Taps) | null;
  /** Those at layers and those inside of them, from the first block that asks for each. */
  private readonly taps = new Map<boolean, Taps>();
  private readonly formulas: () => SymbolicTypes | null;

  constructor(
    model: OnnxModel,
    tree: Module,
    locate: Locate,
    segmentation: Segmentation,
    store: ProgramStore,
    { maxIterations, formulas = () => null, ownSessions }: PlannerOptions = {},
  ) {
    this.maxIterations = maxIterations;
    this.model = model;
    this.locate = locate;
    this.store = store;
    this.writer = new FragmentWriter(model);
    this.ends = new RowWiseEnds(model, tree);
    const layers = segmentation === 'off' ? [] : layersOf(tree);
    const fixed = segmentation === 'modules' ? [...walk(tree)].flatMap(borders) : [];
    // A trace that reads some rows of the logits only needs the model cut there.
    const ends = layers.length > 0 || segmentation === 'blocks' ? this.ends.entries() : [];
    const interventions = new InterventionPrograms(model, locate, this.writer, maxIterations);
    const cut = (at: readonly Layer[], tensors: readonly string[], reading: Reading | null): CutModel => ({
      model,
      locate,
      cuts: new Cuts(model, stretchesOf(model, at), tensors),
      isFixed: reading !== null,
      segments: new SegmentPrograms(model, this.writer, store, this.ends, reading),
      interventions,
    });
    fixed.push(...ends);
    this.cut = layers.length + fixed.length === 0 ? null : cut(layers, fixed, null);
    let whole: CutModel | null = null;
    this.inOnePiece =
      segmentation === 'off'
        ? null
        : () => {
            whole ??= cut([], [], null);
            return whole;
          };
    this.blocks =
      segmentation === 'blocks'
        ? {
            sessions: new BlockSessions((block) => store.drop(wholeKey(block))),
            readable: cut([], ends, new Reading(model, tree, layers)),
          }
        : null;
    const hasTaps = (segmentation === 'taps' || segmentation === 'auto') && layers.length > 0;
    const letGo = (block: string) => store.drop(wholeKey(block));
    this.tiers = segmentation === 'auto' && this.cut ? new Tiers(letGo, hasTaps, ownSessions) : null;
    this.formulas = formulas;
    const rankOf = (tensor: string) => formulas()?.formulas(tensor)?.length ?? null;
    const { segments } = this.cut ?? {};
    const inside = () => partOutputs(tree, layers);
    this.makeTaps =
      hasTaps && segments
        ? (isDeep) =>
            new Taps({
              model,
              locate,
              layers,
              inside: inside(),
              isDeep,
              entries: ends,
              interventions,
              segments,
              rankOf,
            })
        : null;
  }

  /** Whether every block runs in segments. */
  get isCut(): boolean {
    return this.cut !== null && this.blocks === null;
  }

  /** Throws a TraceError on a cycle and on a write that nothing saved depends on. */
  plan(request: Request): Planned {
    const { graph: asked, isAlone, runs } = request;
    const block = this.blockOf(asked);
    const { graph } = block;
    if (this.goesBackInBody(graph)) return this.asOne(block);
    if (areMany(graph.root.nodes)) return this.inSegments(block);
    const tier = isAlone ? this.tiers?.of(block.key, runs) : undefined;
    // One session ends no earlier than it is done.
    const mayBeOne = !request.mayEnd || (this.tiers?.isBrief(block.key, request.size) ?? false);
    if (tier === 'one' && mayBeOne) return this.asOne(block);
    const mayTap =
      isAlone && request.mayTap && mayBeOne && (this.tiers ? tier === 'taps' && (runs > 1 || request.isNew()) : true);
    const tapped = mayTap ? this.withTaps(block, request) : 'later';
    if (tapped && tapped !== 'later') return tapped;
    if (!tapped) this.tiers?.refuseTaps(block.key);
    if (!this.blocks) return this.inSegments(block);
    const { sessions, readable } = this.blocks;
    const reading = onlyReads(asked) ? this.read(block, readable) : null;
    // One session serves all that is read. A block that computes something of it has its own soon, which brings back less.
    if (reading?.plan.dispatches.length === 1) return reading;
    if (sessions.take(block.key, reading !== null && graph === asked)) return this.asOne(block);
    return reading ?? this.inSegments(block);
  }

  /** A graph as it runs: with the rows that are read. What is found out of one holds for those that are like it. */
  private blockOf(asked: InterventionGraph): Block {
    const known = this.known.get(asked.root);
    if (known) return { graph: known.narrowed?.from(asked) ?? asked, key: known.key };
    const context = this.ends.context(this.locate);
    const { graph } = narrow(narrowCalls(asked, context).graph, context);
    const key = graph.structuralKey();
    const narrowed = graph === asked ? null : Remade.of(graph, asked);
    if (hasLikes(asked) && (graph === asked || narrowed)) this.known.set(asked.root, { key, narrowed });
    return { graph, key };
  }

  /** Whether a branch or loop has a backward pass through the model in it: only where all is one model can it go there. */
  private goesBackInBody(graph: InterventionGraph): boolean {
    const { model, locate } = this;
    let dependencies: Dependencies | null = null;
    const leadsTo = (value: Value, of: Value) => {
      dependencies ??= new Dependencies(graph, [{ model, locate }]);
      return dependencies.isComputedFrom(value, of);
    };
    return gradientFromOutside(graph.root.nodes, leadsTo) !== undefined;
  }

  private inSegments(block: Block): Planned {
    return this.planned(block, 'segments', () => {
      const cut = this.cut ?? (areMany(block.graph.root.nodes) ? (this.inOnePiece?.() ?? null) : null);
      const plan = cut && segmentedPlan(cut, block.graph);
      return plan ? { plan, version: this.cut && this.version } : { plan: this.wholePlan(block.graph), version: null };
    });
  }

  private asOne(block: Block): Planned {
    return this.planned(block, 'one', () => ({ plan: this.wholePlan(block.graph), version: null }));
  }

  private read(block: Block, cut: CutModel): Planned {
    return this.planned(block, 'read', () => ({
      plan: segmentedPlan(cut, block.graph) ?? this.wholePlan(block.graph),
      version: null,
    }));
  }

  /** Null where taps cannot do what a block does, `later` where it needs taps that do not pay yet. */
  private withTaps(block: Block, { inputs, runs }: Request): Planned | null | 'later' {
    if (!this.makeTaps) return null;
    const isMade = (isDeep: boolean) => this.taps.get(isDeep)?.isMade(this.store) ?? false;
    const kinds = isMade(true) && !isMade(false) ? [true, false] : [false, true];
    for (const isDeep of kinds) {
      const taps = this.taps.get(isDeep) ?? this.makeTaps(isDeep);
      this.taps.set(isDeep, taps);
      const planned = this.tapped(block, inputs, taps, isDeep);
      if (planned) return taps.isMade(this.store) || (this.tiers?.payNow(runs) ?? true) ? planned : 'later';
    }
    return null;
  }

  private tapped(block: Block, inputs: ReadonlyMap<string, InputTensor>, taps: Taps, isDeep: boolean): Planned | null {
    const keyIn = (key: string) => (isDeep ? keyOf(key, 'inside layers') : key);
    const never = keyIn(block.key);
    if (this.plans.get('taps', never, null) === null) return null;
    const graph = taps.rewritten(block.graph, (tensor) => this.shapeOf(tensor, inputs));
    if (!graph) {
      this.plans.set('taps', never, null, null);
      return null;
    }
    const key = graph === block.graph ? never : keyIn(graph.structuralKey());
    const planned = this.planned(block, 'taps', () => ({ plan: taps.plan(graph, block.graph), version: null }), {
      graph,
      key,
    });
    const { plan } = planned;
    return plan && { ...planned, plan };
  }

  /** The milliseconds that compiling each segment of a plan took; null for one that is not there. */
  private creations({ dispatches }: Plan): (number | null)[] {
    const segments = dispatches.filter(({ kind }) => kind === 'segment' || kind === 'call');
    return segments.map(({ program }) => this.store.creation(program.key));
  }

  private shapeOf(tensor: string, inputs: ReadonlyMap<string, InputTensor>): Shape {
    const formulas = this.formulas();
    if (!formulas) return null;
    const dims = Object.fromEntries([...inputs].map(([name, input]) => [name, input.dims]));
    return formulas.type(tensor, formulas.sizes(dims))?.shape ?? null;
  }

  /** @param own the graph that is run that way, and its key */
  private planned<P extends Plan | null>(
    block: Block,
    way: Way,
    make: () => Versioned<P>,
    own: Block = block,
  ): Omit<Planned, 'plan'> & { readonly plan: P } {
    const { graph, key } = own;
    const known = this.plans.get(way, key, this.version) as P | undefined;
    if (known !== undefined) {
      if (known) this.cut?.cuts.ran(known.cuts);
      return { graph, plan: known, milliseconds: null, block, way };
    }
    const start = now();
    const { plan, version } = make();
    this.plans.set(way, key, plan, version);
    if (plan) this.cut?.cuts.ran(plan.cuts);
    return { graph, plan, milliseconds: now() - start, block, way };
  }

  /** A plan that runs the model whole, for a graph as `plan` gave it. */
  wholePlan(graph: InterventionGraph): Plan {
    return wholePlan(
      this.model,
      graph,
      this.locate,
      (initializers) => this.writer.bytes(initializers),
      this.maxIterations,
    );
  }

  /** Told of a run that ended well and was alone: its costs decide how its block runs from now on. */
  ran({ block: { key }, plan, way, milliseconds }: Planned, ran: Omit<RanInSegments, 'creation'>): void {
    const isNew = milliseconds !== null;
    const { tiers } = this;
    const creation = () => sumOf(this.creations(plan));
    if (way === 'one') tiers?.ranAsOne(key, ran);
    else if (way === 'taps') tiers?.ranWithTaps(key, { ...ran, creation: creation(), isNew });
    else tiers?.ranInSegments(key, { ...ran, creation: creation() });
  }

  /** Another way to run a graph, of which a program could not be compiled: `plan` gives it from now on. */
  instead({ block, way, plan }: Planned): Planned {
    if (way === 'taps') {
      this.makeTaps = null;
      return this.inSegments(block);
    }
    if (this.tiers && way === 'one' && plan.dispatches.every(({ kind }) => kind === 'whole')) {
      this.tiers.refuse(block.key);
      return this.inSegments(block);
    }
    const whole = this.wholePlan(block.graph);
    for (const other of ['segments', 'read'] as const) this.plans.set(other, block.key, whole, null);
    return { graph: block.graph, plan: whole, milliseconds: null, block, way };
  }

  private get version(): number | null {
    return this.cut?.cuts.version ?? null;
  }
}

/** The tensors that enter and leave a module. */
function borders({ calls }: Module): string[] {
  return calls.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
}
