import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isStandard } from '../../onnx/domains.ts';
import { isExternal } from '../../onnx/external.ts';
import type { OnnxModel } from '../../onnx/model.ts';
import { decodeModel, encodeModel, type ModelProto, type TensorProto } from '../../onnx/proto.ts';
import { renameAll } from '../../onnx/rename.ts';
import { nodesWithin } from '../../onnx/subgraphs.ts';
import { ort } from '../../ort/ort.ts';
import { embedWeights } from './weights.ts';

/**
 * The model as ONNX Runtime simplifies it at its basic level: constants folded, useless nodes removed, only
 * operators that every host knows. Weights that came through unchanged still stand in their file.
 */
export async function optimize(proto: ModelProto, model: Pick<OnnxModel, 'folder'>): Promise<ModelProto> {
  const folder = mkdtempSync(join(tmpdir(), 'onnsight-'));
  const path = join(folder, 'optimized.onnx');
  const whole = embedWeights(proto, model, 'ONNX Runtime simplifies one file only: compile without --optimize.');
  try {
    await ort.examine(encodeModel(whole), {
      optimization: 'basic',
      writeTo: path,
      // A node that marks a write to a module does nothing else.
      without: ['EliminateIdentity'],
    });
    const optimized = decodeModel(readFileSync(path));
    return withoutUnused(withScopes(relink(nameFolded(optimized, proto), proto, whole), proto));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Lets weights that did not change point into the file again. */
function relink(optimized: ModelProto, linked: ModelProto, whole: ModelProto): ModelProto {
  const external = new Map(linked.graph!.initializer.filter(isExternal).map((tensor) => [tensor.name, tensor]));
  const inside = new Map(whole.graph!.initializer.map((tensor) => [tensor.name, tensor]));
  const isSame = (a: TensorProto, b: TensorProto) =>
    a.dataType === b.dataType && a.dims.join() === b.dims.join() && Buffer.compare(a.rawData, b.rawData) === 0;
  const initializer = optimized.graph!.initializer.map((tensor) => {
    const before = external.get(tensor.name);
    return before && isSame(tensor, inside.get(tensor.name)!) ? before : tensor;
  });
  const { producerName, producerVersion, domain, modelVersion, docString } = linked;
  const identity = { producerName, producerVersion, domain, modelVersion, docString };
  return { ...optimized, ...identity, graph: { ...optimized.graph!, initializer } };
}

/** A folded constant has the name of the tensor it was, which would be read as a parameter's. */
function nameFolded(optimized: ModelProto, before: ModelProto): ModelProto {
  const known = new Set(before.graph!.initializer.map(({ name }) => name));
  const folded = optimized.graph!.initializer.filter(({ name }) => !known.has(name));
  const names = new Map(folded.map(({ name }, i) => [name, `onnsight_folded_${i}`]));
  return { ...optimized, graph: renameAll(optimized.graph!, (name) => names.get(name) ?? name) };
}

/** Restores the exporter's metadata of nodes, which ONNX Runtime drops: it names their modules. */
function withScopes(optimized: ModelProto, before: ModelProto): ModelProto {
  const makers = new Map(before.graph!.node.flatMap((node) => node.output.map((name) => [name, node] as const)));
  const node = optimized.graph!.node.map((one) => {
    const metadataProps = one.output
      .map((name) => makers.get(name))
      .find((maker) => maker !== undefined)?.metadataProps;
    return metadataProps ? { ...one, metadataProps } : one;
  });
  return { ...optimized, graph: { ...optimized.graph!, node } };
}

/** ONNX Runtime declares all operator sets that it knows, even those that no other host has. */
function withoutUnused(proto: ModelProto): ModelProto {
  const used = new Set([...nodesWithin(proto.graph!.node)].map(({ domain }) => domain));
  return { ...proto, opsetImport: proto.opsetImport.filter((set) => isStandard(set) || used.has(set.domain)) };
}
