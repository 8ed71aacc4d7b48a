/** A tree that `formatTree` has printed as HTML for a notebook, where each module with others in it can be folded; the outermost is open. */
export function foldable(tree: string): string {
  let depth = 0;
  const lines = tree.split('\n').map((line) => {
    const text = escaped(line.trim());
    if (text === ')') {
      depth--;
      return '</div></details>';
    }
    if (!/\($|\( #/.test(text)) return `<div>${text}</div>`;
    depth++;
    const title = text.replace(/\($/, '').replace(/\( #/, ' #');
    const inside = '<div style="margin-left:1.5em">';
    return `<details${depth === 1 ? ' open' : ''}><summary>${title}</summary>${inside}`;
  });
  return `<div style="font-family:monospace">${lines.join('')}</div>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
