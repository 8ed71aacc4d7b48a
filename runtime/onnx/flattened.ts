import type { OnnxModel } from './model.ts';

/**
 * Whether a tensor has all its rows in one dim. ONNX Runtime makes a product and a sum a Gemm of two dims, with a Reshape in
 * front of it and one behind; where two of these meet it leaves one, which makes two dims of two.
 */
export function isFlattened(tensor: string, model: OnnxModel): boolean {
  const maker = model.makerOf(tensor);
  if (maker === undefined) return false;
  if (maker.opType === 'Reshape') return /(^|\/)gemm_(in|out)put_reshape/.test(maker.name) && isReadFlat(tensor, model);
  // What the optimizer has made a Gemm is read in its own dims by such a Reshape alone.
  return maker.opType === 'Gemm' && isFused(maker.name) && readersOf(tensor, model).some(({ name }) => isReshape(name));
}

function isReadFlat(tensor: string, model: OnnxModel): boolean {
  const readers = readersOf(tensor, model);
  return readers.length > 0 && readers.every(({ opType, name }) => opType === 'Gemm' && isFused(name));
}

const isFused = (name: string) => /\/MatMulAddFusion\/?/.test(name);
const isReshape = (name: string) => /(^|\/)gemm_output_reshape/.test(name);

function readersOf(tensor: string, { graph, links }: OnnxModel) {
  return (links.readers.get(tensor) ?? []).map((reader) => graph.node[reader]!);
}
