import type { Module } from './module.ts';

/**
 * A tree as PyTorch prints a model: one line a module, its class where the file tells it, and equal neighbours in a
 * list on one line (`(0-3): 4 x GPT2Block(`).
 */
export function formatTree(module: Module): string {
  const head = className(module) ?? 'Model';
  return module.children.size === 0 ? `${head}()` : `${head}(\n${childLines(module)}\n)`;
}

function childLines(module: Module): string {
  const children = [...module.children.values()];
  const lines: string[] = [];
  for (let i = 0; i < children.length; ) {
    const body = describe(children[i]!);
    let count = 1;
    while (module.list && i + count < children.length && describe(children[i + count]!) === body) count++;
    const first = children[i]!.name;
    const label = count === 1 ? first : `${first}-${children[i + count - 1]!.name}`;
    lines.push(`(${label}): ${count === 1 ? '' : `${count} x `}${body}`);
    i += count;
  }
  return lines.join('\n').replace(/^/gm, '  ');
}

/** A module without its name, so that equal ones compare equal. */
function describe(module: Module): string {
  const name = className(module) ?? 'Module';
  const inner = module.children.size === 0 ? '()' : `(\n${childLines(module)}\n)`;
  return `${name}${inner}${remark(module)}`;
}

function remark({ note, calls }: Module): string {
  if (note?.kind === 'identity') return ' # does nothing at inference';
  if (note?.kind === 'fused') return ` # fused into ${note.into ?? 'the module behind it'}`;
  return calls.length > 1 ? ` # called ${calls.length} times` : '';
}

function className(module: Module): string | null {
  if (module.className !== null) return module.className;
  return module.list && module.path !== '' ? (module.calls.length === 0 ? 'ModuleList' : 'Sequential') : null;
}
