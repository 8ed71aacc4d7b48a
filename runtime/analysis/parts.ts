import { type Envoy, type LanguageModel, TraceError } from '../index.ts';
import { callerSite } from '../tracing/caller.ts';
import { missing, projectionOf, type StandardName, standardModules } from './standard-names.ts';

/** Where a transformer has its parts, as paths of modules; the first three begin at a layer. */
export interface Parts {
  /** Gives what attention adds to the residual stream: float [batch, position, features]. */
  readonly attention: string;
  /** Gives what the MLP adds to it. */
  readonly mlp: string;
  /** The last linear layer of attention, whose input holds the heads, side by side or apart. */
  readonly projection: string;
  /** The list of layers. */
  readonly layers: string;
  /** The norm in front of the unembedding. */
  readonly norm: string;
  /** The linear layer that gives the logits. */
  readonly unembedding: string;
}

/** The modules of a transformer's parts. */
export interface Transformer {
  readonly layers: readonly Layer[];
  readonly norm: Envoy;
  readonly unembedding: Envoy;
}

export interface Layer {
  readonly whole: Envoy;
  readonly attention: Envoy;
  readonly mlp: Envoy;
  readonly projection: Envoy;
}

/** The parts of a model: where they are given, or by the names that architectures have. Throws a TraceError where a part has none of them. */
export function transformer(model: LanguageModel, given?: Parts): Transformer {
  if (given) return at(model, given);
  const root = model as Envoy;
  const { layers, around, self_attn, mlp, ln_final, lm_head } = standardModules(root);
  const there = (found: Envoy | null | undefined, name: StandardName, within: Envoy): Envoy => {
    if (found) return found;
    throw new TraceError(
      `${missing(name, within)} Say where the model has its parts, { parts: { layers: 'decoder.layers', attention: 'attn', … } }.`,
      callerSite(),
    );
  };
  return {
    layers: Array.from(layers, (whole, i) => {
      const attention = there(self_attn[i], 'self_attn', whole);
      return {
        whole,
        attention,
        mlp: there(mlp[i], 'mlp', whole),
        projection: there(projectionOf(attention), 'projection', attention),
      };
    }),
    norm: there(ln_final, 'ln_final', around),
    unembedding: there(lm_head, 'lm_head', root),
  };
}

function at(model: LanguageModel, { layers, attention, mlp, projection, norm, unembedding }: Parts): Transformer {
  return {
    layers: Array.from(model.get(layers), (whole) => ({
      whole,
      attention: whole.get(attention),
      mlp: whole.get(mlp),
      projection: whole.get(projection),
    })),
    norm: model.get(norm),
    unembedding: model.get(unembedding),
  };
}
