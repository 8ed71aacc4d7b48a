import { expect } from 'vitest';
import { fixture } from '../gradients/pytorch.ts';

const { cases } = fixture('toy');
const trained = fixture('examples');

/** The numbers in each line that has the pattern, from its first group on. */
function numbersIn(text: string, pattern: RegExp): number[][] {
  const lines = [...text.matchAll(pattern)];
  expect(lines.length, `${pattern} in\n${text}`).toBeGreaterThan(0);
  return lines.map(([, numbers]) => (numbers!.match(/-?\d+(\.\d+)?/g) ?? []).map(Number));
}

/** Fails unless printed numbers are the expected ones to their last digit. */
function expectPrinted(actual: readonly number[], expected: readonly number[], digits: number): void {
  expect(actual).toEqual(expected.map((value) => expect.closeTo(value, digits - 0.1)));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (x: readonly number[]) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const product = (x: readonly number[], y: readonly number[]) => mean(x.map((v, i) => v * y[i]!)) - mean(x) * mean(y);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

/**
 * The examples about gradients, by the names of their files: they print PyTorch's numbers (test/tools/gradient_examples.py,
 * and the reference cases).
 */
export const GRADIENT_EXAMPLES: Readonly<Record<string, (text: string) => void>> = {
  // attribution patching beside activation patching
  'attribution-patching': (text) => {
    const { grid, patching } = cases.attribution_patching as { grid: number[][]; patching: number[][] };
    const large = patching.flatMap((row, l) =>
      row.flatMap((effect, at) => (Math.abs(effect) < 0.5 ? [] : [grid[l]![at]!, effect])),
    );
    expectPrinted(numbersIn(text, /^ {2}layer \d at “\w+”(.*)$/gm).flat(), large, 2);
    expectPrinted(numbersIn(text, /correlation .* is (\S+)\./g)[0]!, [correlation(grid.flat(), patching.flat())], 3);
  },

  // integrated gradients on tokens, which add up to the change of the answer
  'integrated-gradients': (text) => {
    const { scores, sum, difference } = cases.integrated_gradients;
    const [fromOther, fromNothing] = numbersIn(text, /changes by (\S+)\./g).flat();
    const [total, totalFromNothing] = numbersIn(text, /add up to (\S+):/g).flat();
    expectPrinted([fromOther!, total!], [difference, sum], 3);
    expect(Math.abs(totalFromNothing! - fromNothing!)).toBeLessThan(0.01);
    expectPrinted(numbersIn(text, /^ {2}(<\|endoftext.*)$/gm)[0]!, scores, 2);
  },

  // a steering vector by optimisation
  'steering-vector': (text) => {
    const { losses } = cases.steering as { losses: number[] };
    const rows = numbersIn(text, /^ {1,3}(\d+( +\d\S*){3})$/gm);
    expectPrinted(
      rows.map(([, loss]) => loss!),
      losses,
      3,
    );
    expect(text).toContain('With the vector: Rome; Rome');
  },

  // a low-rank update of one layer
  'low-rank-update': (text) => {
    const rows = numbersIn(text, /^ {2}(after.*)$/gm);
    expect(rows.length).toBe(7);
    for (const [step, loss] of rows) expectPrinted([loss!], [trained['low-rank-update'][step!]], 3);
  },

  // a learned direction by interchange
  'learned-direction': (text) => {
    const rows = numbersIn(text, /(step +\d+ .*)$/gm);
    expect(rows.length).toBe(4);
    for (const [step, lead] of rows) expect(lead).toBeCloseTo(trained['learned-direction'][step!], 1.5);
    const { corrupt, patching } = cases.attribution_patching;
    expectPrinted(numbersIn(text, /with the clean activation at “John” +(\S+)/g)[0]!, [corrupt + patching[0][10]], 3);
  },

  // a linear probe of each layer
  'linear-probe': (text) => {
    const { losses, accuracies } = trained['linear-probe'] as { losses: number[]; accuracies: number[] };
    const rows = numbersIn(text, /^(?:embedding|layer \d) (.*) %$/gm);
    expectPrinted(
      rows.map(([loss]) => loss!),
      losses,
      2,
    );
    expect(rows.map(([, right]) => right)).toEqual(accuracies.map((share) => Math.round(100 * share)));
  },

  // the features of an autoencoder that answers rest on, beside ablations
  'sae-attribution': (text) => {
    interface Answer {
      readonly lead: number;
      readonly features: number[];
      readonly attribution: number[];
      readonly measured: number[];
      readonly error: number;
    }
    const { answers } = trained['sae-attribution'] as { answers: Answer[] };
    const leads = numbersIn(text, /ahead by (\S+)/g).flat();
    const features = numbersIn(text, /^ {2}feature (.*)$/gm);
    expectPrinted(
      leads,
      answers.map(({ lead }) => lead),
      2,
    );
    expect(features.map(([feature]) => feature)).toEqual(answers.flatMap((answer) => answer.features));
    const column = (i: number) => features.map((row) => row[i]!);
    const [estimates, losses] = [
      answers.flatMap(({ attribution }) => attribution),
      answers.flatMap(({ measured }) => measured),
    ];
    expectPrinted(column(1), estimates, 2);
    expectPrinted(column(2), losses, 2);
    expectPrinted(
      numbersIn(text, /the error term +(\S+)/g).flat(),
      answers.map(({ error }) => error),
      2,
    );
    expectPrinted(numbersIn(text, /correlation .* is (\S+)\./g)[0]!, [correlation(estimates, losses)], 3);
  },

  // an attribution graph, whose direct effects add up to the logit
  'attribution-graph': (text) => {
    const { top, paths } = trained['attribution-graph'] as {
      top: Record<'logit' | 'features' | 'error' | 'mlp' | 'biases', number>;
      paths: Record<'feature' | 'effect' | 'words' | 'mlps' | 'biases' | 'encoder', number>[];
    };
    const effect = (name: string) => numbersIn(text, new RegExp(`^ {2}${name} +(\\S+)$`, 'gm'))[0]![0]!;
    const names = ['features', 'what they leave out', 'MLP 3', 'biases', 'the logit'];
    expectPrinted(names.map(effect), [top.features, top.error, top.mlp, top.biases, top.logit], 3);
    expectPrinted([effect('all of them')], [top.logit], 3);
    const rows = numbersIn(text, /^ {2}(\d+ at .*)$/gm);
    expect(rows.map(([feature]) => feature)).toEqual(paths.map(({ feature }) => feature));
    for (const [i, { effect, words, mlps, biases, encoder }] of paths.entries()) {
      expectPrinted(rows[i]!.slice(1), [effect, words, mlps, biases, encoder, encoder], 3);
    }
  },
};
