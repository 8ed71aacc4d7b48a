import { firstNames, type Module, type ReturnOrder } from './module.ts';

/** Whether the module at a path has a member of a name, so that a child of that name is reached with `get` alone. */
export type IsMember = (path: string, name: string) => boolean;

/**
 * A tree as PyTorch prints a model: one line a module, its class where the file tells it, and equal neighbours in a
 * list on one line (`(0-3): 4 x GPT2Block(`).
 */
export function formatTree(module: Module, isMember: IsMember = () => false): string {
  const head = className(module) ?? (module.path === '' ? 'Model' : 'Module');
  if (module.path === '' && module.children.size === 0) return `${head}() # ${namesNoModules(module)}`;
  return module.children.size === 0 ? `${head}()` : `${head}(\n${childLines(module, isMember)}\n)`;
}

/** How to use a file that does not name its modules. */
export function namesNoModules({ operations }: Module): string {
  const kinds = firstNames(operations);
  const some = kinds.slice(0, 8).join(', ') + (kinds.length > 8 ? ', …' : '');
  return `the file names no modules: reach its operations by kind, ops.${kinds[0] ?? 'Add'}.output (there are ${some}), or by the names of their nodes, get('name').output`;
}

function childLines(module: Module, isMember: IsMember): string {
  const children = [...module.children.values()];
  const lines: string[] = [];
  for (let i = 0; i < children.length; ) {
    const child = children[i]!;
    let count = 1;
    while (module.list && i + count < children.length && isEqual(children[i + count]!, child, isMember)) count++;
    const label = count === 1 ? child.name : `${child.name}-${children[i + count - 1]!.name}`;
    const hidden = isMember(module.path, child.name) ? `get('${child.name}')` : null;
    lines.push(`(${label}): ${count === 1 ? '' : `${count} x `}${describe(child, isMember, hidden)}`);
    i += count;
  }
  return lines.join('\n').replace(/^/gm, '  ');
}

/** If the file tells no classes, modules that run the same operators count as equal. */
function isEqual(a: Module, b: Module, isMember: IsMember): boolean {
  const operators = ({ operations }: Module) => operations.map(({ opType }) => opType).join();
  return describe(a, isMember) === describe(b, isMember) && (a.className !== null || operators(a) === operators(b));
}

/** A module without its name, so that equal ones compare equal; `hidden` says how to reach a module whose name does not reach it. */
function describe(module: Module, isMember: IsMember, hidden: string | null = null): string {
  const name = className(module) ?? 'Module';
  const remarks = [remark(module), hidden && `reached with ${hidden}`].filter((one) => one !== null).join(', ');
  const end = remarks === '' ? '' : ` # ${remarks}`;
  return module.children.size === 0 ? `${name}()${end}` : `${name}(${end}\n${childLines(module, isMember)}\n)`;
}

function remark({ note, calls }: Module): string | null {
  if (note?.kind === 'identity') return 'does nothing at inference';
  if (note?.kind === 'fused') return `fused into ${note.into ?? 'the module behind it'}`;
  if (note?.kind === 'uncounted') return 'runs in some branches: which call is the first depends on the run';
  if (note?.kind === 'inside') return `runs inside the model's own ${note.opType}`;
  const remarks = [calls.length > 1 ? `runs ${calls.length} times` : null, ORDERS[calls[0]?.order ?? 'sure']];
  return remarks.filter((one) => one !== null).join(', ') || null;
}

/** What tells the order of a module's outputs, where it returns several. */
const ORDERS: Readonly<Record<ReturnOrder, string | null>> = {
  sure: null,
  unknown: 'the file does not tell the order of its outputs',
  pooled: 'of its outputs only the pooled one is used',
  listed: 'of what its layers make only the last is used',
  cut: 'the file does not tell where it ends',
};

function className(module: Module): string | null {
  if (module.className !== null) return module.className;
  return module.list && module.path !== '' ? (module.calls.length === 0 ? 'ModuleList' : 'Sequential') : null;
}
