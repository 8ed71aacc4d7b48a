import { checkGraph, type GraphLimits } from '../graph/check.ts';
import { GraphError } from '../graph/error.ts';
import { forwardOf, isForwardNode } from '../graph/forwards.ts';
import type { InterventionGraph } from '../graph/graph.ts';
import type { NodeOf, Value } from '../graph/types.ts';
import { withRegions } from '../graph/walk.ts';
import type { AskedStep, Course, CourseForward, LateCourse } from '../types/course.ts';

/** Forwards of one request: of a generation the steps. */
const MOST_FORWARDS = 4096;

/** Checks a request that came as data: its graph, and that its course fits the graph. Throws a GraphError. */
export function checkRequest(graph: InterventionGraph, course: Course | null, limits: GraphLimits): void {
  if (course && course.forwards.length > MOST_FORWARDS) {
    throw new GraphError(`The request has ${course.forwards.length} forwards, and may have ${MOST_FORWARDS}.`);
  }
  const { forwards, functions, late } = course ?? {};
  const several = forwards && functions && { forwards: forwards.length, functions, late: late?.outcomes ?? new Set() };
  checkGraph(graph, limits, several ?? null);
  if (course) new CourseChecker(graph, course).check();
}

class CourseChecker {
  private readonly graph: InterventionGraph;
  private readonly course: Course;

  constructor(graph: InterventionGraph, course: Course) {
    this.graph = graph;
    this.course = course;
  }

  check(): void {
    const { forwards, functions, generations, late } = this.course;
    forwards.forEach((forward, i) => {
      this.forward(forward, i);
    });
    this.openings();
    for (const [{ node }, fn] of functions) {
      if (node?.op !== 'apply') throw new GraphError('course.functions: a value is given by no function');
      if (fn.kind === 'reached') this.asked(fn, 'course.functions');
    }
    for (const { generation } of [...functions.values(), ...forwards.flatMap(({ step }) => step ?? [])]) {
      if (generation >= generations.length) throw new GraphError(`course: there is no generation ${generation}`);
    }
    if (late) this.late(late);
  }

  private forward({ owner, inputs, given, step }: CourseForward, i: number): void {
    const { forwards } = this.course;
    const path = `course.forwards[${i}]`;
    if (owner > i) throw new GraphError(`${path}: its owner ${owner} comes after it`);
    if (owner !== i && inputs.size + given.size > 0) {
      throw new GraphError(`${path}: what runs in the middle of another forward takes its inputs there`);
    }
    const both = [...given.keys()].find((name) => inputs.has(name));
    if (both !== undefined) throw new GraphError(`${path}: its input ${both} is both data and a value of the graph`);
    if (owner !== i && forwards[i]!.step)
      throw new GraphError(`${path}: a step runs in the middle of no other forward`);
    if (!step || step.index === 0) return;
    const before = forwards.findIndex(
      (one) => one.step?.generation === step.generation && one.step.index === step.index - 1,
    );
    if (before === -1 || before > i) throw new GraphError(`${path}: the step before it does not come before it`);
  }

  /** What runs in the middle of another forward is opened there once, before anything else of it. */
  private openings(): void {
    const opened = new Set<number>();
    for (const node of withRegions(this.graph.root.nodes)) {
      if (!isForwardNode(node)) continue;
      const forward = forwardOf(node);
      const isInner = this.course.forwards[forward]!.owner !== forward;
      if (node.op === 'forward') {
        if (!isInner || opened.has(forward)) throw new GraphError(`The forward ${forward} cannot be opened here.`);
        opened.add(forward);
      } else if (isInner && !opened.has(forward)) {
        throw new GraphError(`The forward ${forward} is used before it is opened.`);
      }
    }
  }

  private late({ steps, conditions, outcomes, wanted }: LateCourse): void {
    const { forwards, generations } = this.course;
    if (generations.length !== 1) throw new GraphError('course.late: it is of one generation');
    for (const [i, { owner, step }] of forwards.entries()) {
      if (owner === i && !step) throw new GraphError(`course.forwards[${i}]: it is no step of the generation`);
    }
    if (steps.length > forwards.length) throw new GraphError('course.late: it has more steps than there are forwards');
    if (wanted.length > this.graph.saves.length) throw new GraphError('course.late: it wants more than is saved');
    for (const one of conditions.values()) this.asked(one, 'course.late.conditions');
    for (const value of [...conditions.keys(), ...outcomes]) {
      if (value.node?.op !== 'operand') throw new GraphError('course.late: what only the run tells is no operand');
    }
    const isCondition = (value: Value | null) => value === null || conditions.has(value);
    if (!wanted.flat().every(isCondition)) throw new GraphError('course.late.wanted: it names no condition');
    for (const value of conditions.keys()) {
      if (!isTruth(value)) throw new GraphError('course.late.conditions: a condition is no truth value');
    }
    for (const { type } of outcomes) {
      if (type.dtype !== 'int64') throw new GraphError('course.late.outcomes: tokens are int64');
    }
  }

  private asked({ step, rows }: AskedStep, path: string): void {
    if (step >= this.course.forwards.length) throw new GraphError(`${path}: there is no step ${step}`);
    if (rows && rows.count === 0) throw new GraphError(`${path}: it is of no rows`);
  }
}

function isTruth({ type, node }: Value): boolean {
  return type.dtype === 'bool' && type.shape?.length === 0 && (node as NodeOf<'operand'>).op === 'operand';
}
