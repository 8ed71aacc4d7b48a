import { canonicalDomain } from './domains.ts';
import { ModelError } from './error.ts';
import type { OnnxModel } from './model.ts';
import type { ModelProto } from './proto.ts';

/** The operator sets of models that become one, ONNX's own in a version. Throws a ModelError where another has two versions. */
export function operatorSets(models: readonly OnnxModel[], opset: number): ModelProto['opsetImport'] {
  const all = new Map<string, ModelProto['opsetImport'][number]>();
  for (const { proto, path } of models) {
    for (const one of proto.opsetImport) {
      const domain = canonicalDomain(one.domain);
      const known = all.get(domain);
      if (domain !== '' && known && known.version !== one.version) {
        throw new ModelError(
          `${path} uses version ${one.version} of the operators of ${domain}, and ${models[0]!.path} uses version ${known.version}: they cannot become one model. Export both with one version.`,
        );
      }
      all.set(domain, domain === '' ? { ...one, version: BigInt(opset) } : one);
    }
  }
  return [...all.values()];
}

/** The functions that models which become one have of their own. Throws a ModelError for two of one name. */
export function ownFunctions(models: readonly OnnxModel[]): ModelProto['functions'] {
  const all = new Map<string, OnnxModel>();
  for (const model of models) {
    for (const { domain, name } of model.proto.functions) {
      const key = `${canonicalDomain(domain)}:${name}`;
      if (all.has(key)) {
        throw new ModelError(
          `${model.path} and ${all.get(key)!.path} each have a function '${key}' of their own: they cannot become one model. Export one of them without functions.`,
        );
      }
      all.set(key, model);
    }
  }
  return models.flatMap(({ proto }) => proto.functions);
}
