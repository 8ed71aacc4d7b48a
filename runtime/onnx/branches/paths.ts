import type { GraphProto, NodeProto } from '../proto.ts';
import { graphsWithin } from '../subgraphs.ts';

/** The path in a node's name, as the TorchScript exporter writes it: `/block/a_1/Gemm` → '/block/a_1'; else ''. */
export function pathOf({ name }: Pick<NodeProto, 'name'>): string {
  return name.startsWith('/') ? name.slice(0, name.lastIndexOf('/')) : '';
}

/** A path and those around it that lie deeper than another one, from the inside out. */
export function pathsBelow(path: string, around: string): string[] {
  const found: string[] = [];
  for (let one = path; one.length > around.length; one = one.slice(0, one.lastIndexOf('/'))) found.push(one);
  return found;
}

/** The path around two others. */
export function commonPath(a: string, b: string): string {
  const parts = a.split('/');
  const others = b.split('/');
  const length = parts.findIndex((part, i) => part !== others[i]);
  return parts.slice(0, length < 0 ? parts.length : length).join('/');
}

/** Whether a path is another one, or lies in it. */
export function isWithin(path: string, around: string): boolean {
  return path === around || path.startsWith(`${around}/`);
}

/** Tells the calls of a module by the paths in a model: `/block/a_1` is a call of '/block/a'. */
export class CallPaths {
  private readonly paths = new Set<string>();
  /** The names of modules that have parameters. */
  private readonly names: ReadonlySet<string>;
  private readonly known = new Map<string, string>();

  constructor(graph: GraphProto) {
    for (const { node } of graphsWithin(graph)) {
      for (const one of node) for (const path of pathsBelow(pathOf(one), '')) this.paths.add(path);
    }
    this.names = new Set(graph.initializer.flatMap(({ name }) => name.split('.')));
  }

  /** The path without the numbers of calls. A module may have a name with a number, too. */
  readonly moduleOf = (path: string): string => {
    if (path === '') return '';
    const known = this.known.get(path);
    if (known !== undefined) return known;
    const around = path.slice(0, path.lastIndexOf('/'));
    const part = path.slice(around.length + 1);
    const name = part.replace(/_[1-9]\d*$/, '');
    const isCall = name !== part && !this.names.has(part) && this.paths.has(`${around}/${name}`);
    const found = `${this.moduleOf(around)}/${isCall ? name : part}`;
    this.known.set(path, found);
    return found;
  };
}
