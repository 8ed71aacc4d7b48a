import { ModelError } from './error.ts';
import type { GraphProto } from './proto.ts';

/** Throws a ModelError for a tensor whose name stands for something else: in the files that blocks are lowered to, or in JavaScript. */
export function checkNames(path: string, graph: GraphProto): void {
  const made = [...graph.input.map(({ name }) => name), ...graph.node.flatMap(({ output }) => output)];
  if (made.includes('__proto__'))
    throw new ModelError(
      `${path} has a tensor named __proto__, which JavaScript has another meaning for: ONNX Runtime's package can neither be given it nor give it. Rename it in the file`,
    );
  const taken = [...made, ...graph.initializer.map(({ name }) => name)].find((name) => name.startsWith('onnsight/'));
  if (taken !== undefined)
    throw new ModelError(
      `${path} has a tensor named ${taken}: names that begin with onnsight/ are kept for what blocks add to a model. Rename it in the file`,
    );
}
