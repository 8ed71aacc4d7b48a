import type { Module } from './module.ts';

/**
 * A tree as PyTorch prints a model: one line a module, its class where the file tells it, and equal neighbours in a
 * list on one line (`(0-3): 4 x GPT2Block(`).
 */
export function formatTree(module: Module): string {
  const head = className(module) ?? 'Model';
  if (module.path === '' && module.children.size === 0) return `${head}() # ${namesNoModules(module)}`;
  return module.children.size === 0 ? `${head}()` : `${head}(\n${childLines(module)}\n)`;
}

/** What there is in a file that has lost the names of its modules, or never had any. */
export function namesNoModules({ operations }: Module): string {
  const kinds = [...new Set(operations.map(({ opType }) => opType))];
  const some = kinds.slice(0, 8).join(', ') + (kinds.length > 8 ? ', …' : '');
  return `the file names no modules: reach its operations by kind, ops.${kinds[0] ?? 'Add'}.output (there are ${some}), or by the names of their nodes, get('name').output`;
}

function childLines(module: Module): string {
  const children = [...module.children.values()];
  const lines: string[] = [];
  for (let i = 0; i < children.length; ) {
    const child = children[i]!;
    let count = 1;
    while (module.list && i + count < children.length && isEqual(children[i + count]!, child)) count++;
    const label = count === 1 ? child.name : `${child.name}-${children[i + count - 1]!.name}`;
    lines.push(`(${label}): ${count === 1 ? '' : `${count} x `}${describe(child)}`);
    i += count;
  }
  return lines.join('\n').replace(/^/gm, '  ');
}

/** Without classes to go by, modules are taken for equal when they run the same operators. */
function isEqual(a: Module, b: Module): boolean {
  const operators = ({ operations }: Module) => operations.map(({ opType }) => opType).join();
  return describe(a) === describe(b) && (a.className !== null || operators(a) === operators(b));
}

/** A module without its name, so that equal ones compare equal. */
function describe(module: Module): string {
  const name = className(module) ?? 'Module';
  if (module.children.size === 0) return `${name}()${remark(module)}`;
  return `${name}(${remark(module)}\n${childLines(module)}\n)`;
}

function remark({ note, calls }: Module): string {
  if (note?.kind === 'identity') return ' # does nothing at inference';
  if (note?.kind === 'fused') return ` # fused into ${note.into ?? 'the module behind it'}`;
  return calls.length > 1 ? ` # runs ${calls.length} times` : '';
}

function className(module: Module): string | null {
  if (module.className !== null) return module.className;
  return module.list && module.path !== '' ? (module.calls.length === 0 ? 'ModuleList' : 'Sequential') : null;
}
