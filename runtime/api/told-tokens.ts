import { continuedInput } from '../inputs/convention.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { NewToken, TraceRequest } from '../types/backend.ts';
import type { CourseGeneration } from '../types/course.ts';

/** The tokens of a trace's generations, as a server tells them. */
export class ToldTokens {
  readonly #generations: number;
  /** By generation and row. */
  readonly #rows = new Map<string, number[]>();

  constructor({ course }: TraceRequest) {
    this.#generations = course()?.generations.length ?? 0;
  }

  /** Takes the next token. Throws a RangeError if it is none. */
  add({ id, row, step, generation = 0 }: NewToken): void {
    if (generation >= this.#generations) throw new RangeError(`it tells a token of a generation ${generation}`);
    const key = `${generation} ${row}`;
    const told = this.#rows.get(key) ?? [];
    this.#rows.set(key, told);
    if (step !== told.length) {
      throw new RangeError(`it tells the token ${step} of row ${row}, of which ${told.length} were told`);
    }
    told.push(id);
  }

  /** Throws a RangeError if others were told of the first generation than there are, row by row. */
  check(rows: readonly (readonly number[])[]): void {
    const keys = [...this.#rows.keys()].filter((key) => key.startsWith('0 '));
    const isSame = rows.every((row, i) => String(row) === String(this.#rows.get(`0 ${i}`) ?? []));
    if (!isSame || keys.length > rows.length) throw new RangeError('it has other tokens than were told on the way');
  }
}

/**
 * Throws a RangeError if the tokens that the answer to a generation has do not go on its prompt.
 * @param told the tokens that were told before
 */
export function checkTokens(
  { graph, course, inputs }: TraceRequest,
  answer: readonly (Tensor | undefined)[],
  told: ToldTokens | null,
): void {
  const { late, generations } = course() ?? {};
  if (!late) return;
  const prompt = table(inputs[continuedInput(Object.keys(inputs).map((name) => ({ name })))] as Tensor);
  const vocabulary = late.steps[0]?.logits.type.shape?.at(-1) ?? Number.POSITIVE_INFINITY;
  graph.saves.forEach(({ value }, i) => {
    const tokens = answer[i];
    if (!tokens || !late.outcomes.has(value)) return;
    const fresh = freshTokens(table(tokens), prompt, vocabulary, generations![0]!);
    told?.check(fresh);
  });
}

/** The new tokens of each row. Throws a RangeError if they are none of a generation that goes on the prompt. */
function freshTokens(
  rows: readonly (readonly number[])[],
  prompt: readonly (readonly number[])[],
  vocabulary: number,
  { count, stop, pad }: CourseGeneration,
): number[][] {
  const isContinued = rows.every((row, i) => prompt[i]?.every((id, j) => row[j] === id));
  if (rows.length !== prompt.length || !isContinued) throw new RangeError('its tokens do not begin with the prompt');
  return rows.map((row, i) => {
    const added = row.slice(prompt[i]!.length);
    const end = added.findIndex((id) => stop.has(id)) + 1 || added.length;
    const isGiven = added.every((id, j) => (j < end ? id >= 0 && id < vocabulary : id === pad));
    if (added.length > count || !isGiven) throw new RangeError(`its tokens of row ${i} are none that the model gives`);
    return added.slice(0, end);
  });
}

function table(tensor: Tensor): number[][] {
  return (tensor.toArray() as (number | bigint)[][]).map((row) => row.map(Number));
}
