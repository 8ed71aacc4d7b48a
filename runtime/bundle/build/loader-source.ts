import { isFilledIn, takeTokens } from '../../inputs/convention.ts';
import type { BundleParameter, BundleTensor, Manifest, Returns } from '../manifest-types.ts';

/** The JavaScript beside a bundle: a function by the intervention's name, with the manifest inside. */
export function loaderSource(manifest: Manifest): string {
  const { tokenizer } = manifest;
  const all = [...manifest.files, ...(tokenizer ? [tokenizer.file, tokenizer.config] : [])];
  const files = all.map(({ path }) => {
    const name = JSON.stringify(path);
    return `  ${name}: () => new URL(${JSON.stringify(`./${path}`)}, import.meta.url),`;
  });
  return `${head(manifest)}
import { defineBundle } from 'onnsight/bundle';

// Bundlers recognise files by this form of URLs; for those that build for servers there is onnsight/unplugin.
const files = {
${files.join('\n')}
};

export const ${manifest.name} = /* @__PURE__ */ defineBundle(
${indent(JSON.stringify(manifest, null, 2), '  ')},
  files,
);
export default ${manifest.name};
`;
}

/** Its declarations: names, types and completion for its callers. */
export function loaderTypes(manifest: Manifest): string {
  const { name, inputs, parameters, tokenizer } = manifest;
  const type = name[0]!.toUpperCase() + name.slice(1);
  const takesTokens = takeTokens(inputs);
  const fields = [
    ...inputs.map((input) => field(input, 'TensorData', !input.used || (takesTokens && isFilledIn(input)))),
    ...parameters.map((one) => field(one, parameterType(one), one.default !== undefined)),
  ];
  const isAlone = parameters.every((one) => one.default !== undefined);
  const takes = [`${type}Inputs`, ...(tokenizer ? [`${type}Texts`, ...(isAlone ? ['Texts'] : [])] : [])];
  return `${head(manifest)}
import type { AnyTensor, LazyBundle, Tensor, TensorData${tokenizer ? ', Texts' : ''} } from 'onnsight/bundle';

/** What \`${name}\` runs on. */
export interface ${type}Inputs {
${fields.join('\n')}
}
${tokenizer ? textsType(type, tokenizer.start !== undefined) : ''}
/** What \`${name}\` gives. */
export type ${type}Results = ${resultType(manifest.returns, manifest, '')};

/** Loads the model when it is called first. */
export declare const ${name}: LazyBundle<${takes.join(' | ')}, ${type}Results>;
export default ${name};
`;
}

/** @param begins whether the decoder's first token is known */
function textsType(type: string, begins: boolean): string {
  const without = begins ? " | 'decoder_input_ids'" : '';
  const decoder = begins ? `; readonly decoder_input_ids?: TensorData | undefined` : '';
  return `
/** The same with texts in the place of tokens. */
export type ${type}Texts = Omit<${type}Inputs, 'input_ids' | 'attention_mask'${without}> & { readonly text: Texts${decoder} };
`;
}

function head({ source }: Manifest): string {
  return `// Made by onnsight from ${source.file}:${source.line}:${source.column}. Change that and compile it again.`;
}

function field(tensor: BundleParameter, type: string, optional: boolean): string {
  const usual =
    tensor.default &&
    `; ${tensor.default.dims.length === 0 ? tensor.default.data[0] : 'its default'} if it is left out`;
  return `  /** ${describe(tensor)}${usual ?? ''} */\n  readonly ${key(tensor.name)}${optional ? '?' : ''}: ${type}${optional ? ' | undefined' : ''};`;
}

function parameterType({ dtype, dims }: BundleTensor): string {
  if (dims?.length !== 0) return 'TensorData';
  return dtype === 'bool' ? 'boolean | AnyTensor' : 'number | bigint | AnyTensor';
}

function resultType(returns: Returns, manifest: Manifest, margin: string): string {
  switch (returns.kind) {
    case 'tensor':
      return 'Tensor';
    case 'saved':
      return returns.loop ? 'Tensor | readonly Tensor[] | undefined' : 'Tensor | undefined';
    case 'entries':
      return 'readonly Tensor[]';
    case 'array': {
      const items = returns.items.map((item) =>
        item.kind === 'entries' ? '...Tensor[]' : resultType(item, manifest, margin),
      );
      return `readonly [${items.join(', ')}]`;
    }
    case 'object': {
      const inner = `${margin}  `;
      const fields = Object.entries(returns.fields).map(([name, one]) => {
        const output =
          one.kind === 'tensor' ? manifest.outputs.find((output) => output.name === one.output) : undefined;
        const comment = output ? `${inner}/** ${describe(output)} */\n` : '';
        return `${comment}${inner}readonly ${key(name)}: ${resultType(one, manifest, inner)};`;
      });
      return `{\n${fields.join('\n')}\n${margin}}`;
    }
    case 'choice': {
      const sides = [returns.then, returns.else].map((side) => resultType(side, manifest, margin));
      return [...new Set(sides)].join(' | ');
    }
    case 'value':
      return returns.value === undefined ? 'undefined' : JSON.stringify(returns.value);
    case 'number':
      return 'number';
  }
}

/** `float32[batch, sequence, 128]`, with `?` for a size that only the run tells. */
function describe({ dtype, dims }: BundleTensor): string {
  return `${dtype}[${dims?.map((dim) => dim ?? '?').join(', ') ?? '?'}]`;
}

function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function indent(text: string, by: string): string {
  return text.replace(/^/gm, by);
}
