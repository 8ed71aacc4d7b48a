import type { Tensor } from 'onnsight/bundle';

/** The likeliest word at each position: ids and probabilities are [1, positions, 1]. */
export interface Top {
  readonly ids: Tensor;
  readonly probabilities: Tensor;
}

type Word = (id: number) => string;

/** The best guesses, and what was the best one before, as bars with marks where they stood; probabilities by id. */
export function showGuesses(parent: HTMLElement, steered: Float32Array, unsteered: Float32Array, word: Word): void {
  const ids = [...steered.keys()].sort((a, b) => steered[b]! - steered[a]!);
  const usual = unsteered.indexOf(Math.max(...unsteered));
  const five = [...new Set([...ids.slice(0, 4), usual, ids[4]!])].slice(0, 5);
  parent.replaceChildren(
    ...five.map((id, i) => {
      const [probability, before] = [steered[id]!, unsteered[id]!];
      const isNew = i === 0 && id !== usual;
      return element(
        'div',
        { className: isNew ? 'guess steered' : 'guess' },
        element('b', { textContent: word(id) }),
        element(
          'div',
          { className: 'bar' },
          element('span', { style: `width: ${probability * 100}%` }),
          element('mark', { style: `left: ${before * 100}%` }),
        ),
        element('small', { textContent: percent(probability) }),
      );
    }),
  );
}

/** A table of positions and layers, the last layer on top, with the likeliest word in each cell; `pushed` is steered. */
export function showLens(
  table: HTMLElement,
  tokens: readonly string[],
  steered: readonly Top[],
  unsteered: readonly Top[],
  word: Word,
  pushed: number | null,
): void {
  const head = element('tr', {}, element('th', {}), ...tokens.map((token) => element('th', { textContent: token })));
  const rows = steered.map((layer, i) => {
    const cells = tokens.map((_, position) => {
      const [text, probability] = best(layer, position, word);
      const [before] = best(unsteered[i]!, position, word);
      const shade = Math.max(0.05, probability * 0.9);
      return element('td', {
        textContent: text,
        className: text === before ? '' : 'changed',
        title: `${percent(probability)}${text === before ? '' : `, was ${before}`}`,
        style: `background: rgb(var(--blue) / ${shade.toFixed(3)}); color: ${shade > 0.6 ? 'white' : 'inherit'}`,
      });
    });
    const name = element('th', { textContent: `layer ${i + 1}`, className: i === pushed ? 'pushed' : '' });
    return element('tr', {}, name, ...cells);
  });
  table.replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows.reverse()));
}

function best({ ids, probabilities }: Top, position: number, word: Word): readonly [string, number] {
  const at = `0, ${position}, 0` as const;
  return [word(ids[at].item()), probabilities[at].item()];
}

function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`;
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  { style, ...properties }: { style?: string; className?: string; textContent?: string; title?: string },
  ...children: HTMLElement[]
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  if (style !== undefined) made.setAttribute('style', style);
  made.append(...children);
  return made;
}
