import * as z from 'zod';
import { InputError } from '../inputs/signature.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { RawImage } from './raw-image.ts';
import { map, type Resampling, resize } from './resize.ts';
import { unknownSetting } from './unknown-setting.ts';

/** The pixels of a side, or more than any model takes. */
const count = z.number().int().positive().max(16_384);
const sides = z.object({ height: count, width: count });
const sizes = z.union([count, sides, z.object({ shortest_edge: count, longest_edge: count.optional() })]);
type Sizes = z.infer<typeof sizes>;
const triple = z.union([z.number().transform((one) => [one, one, one]), z.array(z.number()).length(3)]);

/** The settings of an image processor, in the words of `preprocessor_config.json`. */
export const imageSettings = z.looseObject({
  do_resize: z.boolean().nullish(),
  size: sizes.nullish(),
  resample: z.literal([0, 1, 2, 3, 4, 5]).nullish(),
  crop_pct: z.number().positive().nullish(),
  do_center_crop: z.boolean().nullish(),
  crop_size: z.union([count, sides]).nullish(),
  do_rescale: z.boolean().nullish(),
  rescale_factor: z.number().positive().nullish(),
  do_normalize: z.boolean().nullish(),
  image_mean: triple.nullish(),
  image_std: triple.refine((all) => all.every((one) => one !== 0), 'a deviation of 0').nullish(),
  do_pad: z.boolean().nullish(),
  max_size: count.nullish(),
});
type ImageSettings = z.infer<typeof imageSettings>;

/** Settings that say nothing of the pixels of a picture in red, green and blue. */
const WITHOUT_EFFECT = new Set([
  ...['image_processor_type', 'feature_extractor_type', 'processor_class', 'auto_map', '_valid_processor_keys'],
  ...['data_format', 'input_data_format', 'return_tensors', 'device', 'disable_grouping', 'default_to_square'],
  ...['do_convert_rgb', 'do_reduce_labels', 'reduce_labels', 'image_seq_length', 'use_square_size'],
  // What is detected, and how pictures of several sizes are made equal.
  ...['format', 'do_convert_annotations', 'pad_and_return_pixel_mask'],
]);

const HALF = [0.5, 0.5, 0.5];
const CLIP = { mean: [0.48145466, 0.4578275, 0.40821073], std: [0.26862954, 0.26130258, 0.27577711] };
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** What a kind of processor does where its file does not say. `whole`: a size of one number is that of the shorter side. */
interface Kind {
  readonly size: Sizes;
  readonly whole?: boolean;
  /** What the longer side is at most where the shorter one is told. Its pictures are padded to one size: those of one size are as they are. */
  readonly longest?: number;
  readonly resample: Resampling;
  /** Null for a kind that takes no part of a picture, whatever its file says. */
  readonly crop?: number | null;
  /** Whether it crops where its file does not say. */
  readonly crops?: boolean;
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

const DETR: Kind = { size: { shortest_edge: 800, longest_edge: 1333 }, longest: 1333, resample: 2, ...IMAGENET };

/** Those kinds of transformers that resize, crop, rescale and normalize, and nothing else. */
const KINDS: Readonly<Record<string, Kind>> = {
  ViT: { size: 224, resample: 2, mean: HALF, std: HALF },
  DeiT: { size: 256, resample: 3, crop: 224, crops: true, mean: HALF, std: HALF },
  CLIP: { size: 224, whole: true, resample: 3, crop: 224, crops: true, ...CLIP },
  ChineseCLIP: { size: 224, whole: true, resample: 3, crop: 224, crops: true, ...CLIP },
  Siglip: { size: { height: 224, width: 224 }, whole: true, resample: 3, mean: HALF, std: HALF },
  Bit: { size: 224, whole: true, resample: 3, crop: 224, crops: true, ...CLIP },
  Beit: { size: 224, resample: 3, crop: 224, mean: HALF, std: HALF },
  Segformer: { size: 512, resample: 2, crop: null, ...IMAGENET },
  ConvNext: { size: 384, whole: true, resample: 3, mean: HALF, std: HALF },
  Detr: DETR,
  ConditionalDetr: DETR,
  DeformableDetr: DETR,
};

/** Makes pixels of pictures, as the image processor of transformers does that a model was trained with. */
export class ImageProcessor {
  readonly #kind: Kind;
  readonly #isConvNext: boolean;
  readonly #settings: ImageSettings;

  /**
   * @param type its class in transformers, such as `ViTImageProcessor`
   * Throws an InputError for a class that does more than is known here.
   */
  constructor(type: string, settings: ImageSettings) {
    const name = type.replace(/(FeatureExtractor|ImageProcessor)(Fast|Pil)?$/, '');
    const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
    if (!kind || (settings.do_pad && !kind.longest)) {
      const known = Object.keys(KINDS).map((one) => `${one}ImageProcessor`);
      const what = kind ? `${type} with do_pad` : type;
      throw new InputError(
        `What a ${what} does to a picture is not known here (only ${known.join(', ')}): give the pixels as the model's own input.`,
      );
    }
    const known = Object.keys(imageSettings.shape).filter((setting) => setting !== 'max_size' || kind.longest);
    const other = unknownSetting(settings, known, WITHOUT_EFFECT);
    if (other) {
      throw new InputError(
        `What the setting ${other} of preprocessor_config.json does to a picture is not known here: give the pixels as the model's own input.`,
      );
    }
    this.#kind = kind;
    this.#isConvNext = name === 'ConvNext';
    this.#settings = settings;
  }

  /** float32 [pictures, 3, height, width] */
  pixels(images: readonly RawImage[]): Tensor {
    const made = images.map((image) => this.#shaped(image));
    const [first] = made;
    const other = made.find(({ width, height }) => width !== first!.width || height !== first!.height);
    if (other) {
      throw new InputError(
        `The pictures cannot be batched: they become ${first!.width} × ${first!.height} and ${other.width} × ${other.height} pixels. Give a trace for each.`,
      );
    }
    const { width, height } = first!;
    const data = new Float32Array(made.length * 3 * width * height);
    made.forEach((image, i) => {
      this.#write(image, data.subarray(i * 3 * width * height));
    });
    return new Tensor('float32', [made.length, 3, height, width], data);
  }

  #shaped(image: RawImage): RawImage {
    const { do_resize, do_center_crop, crop_size, size, resample } = this.#settings;
    const resampling = resample ?? this.#kind.resample;
    const wanted = size ?? this.#kind.size;
    const isResized = do_resize ?? true;
    const resized = isResized
      ? this.#isConvNext
        ? this.#likeConvNext(image, wanted, resampling)
        : resize(image, ...this.#sidesOf(image, wanted), resampling)
      : image;
    if (!(do_center_crop ?? this.#kind.crops)) return resized;
    const crop = crop_size ?? this.#kind.crop ?? null;
    if (crop === null) {
      throw new InputError(
        "preprocessor_config.json has do_center_crop and no crop_size: set the size of the part that is taken, or give the pixels as the model's own input.",
      );
    }
    if (this.#kind.crop === null) return resized;
    return typeof crop === 'number' ? cropped(resized, crop, crop) : cropped(resized, crop.width, crop.height);
  }

  #sidesOf({ width, height }: RawImage, size: Sizes): [width: number, height: number] {
    if (typeof size === 'object' && 'height' in size) return [size.width, size.height];
    const most = this.#kind.longest;
    if (most !== undefined) return fitted({ width, height }, this.#edgesOf(size, most));
    if (typeof size === 'number' && !this.#kind.whole) return [size, size];
    const { shortest_edge: edge, longest_edge: longest } =
      typeof size === 'number' ? { shortest_edge: size, longest_edge: undefined } : size;
    if (longest !== undefined) {
      throw new InputError('A size of shortest_edge and longest_edge is not known here: give the pixels themselves.');
    }
    const short = Math.min(width, height);
    const long = Math.trunc((edge * Math.max(width, height)) / short);
    return width <= height ? [edge, long] : [long, edge];
  }

  #edgesOf(size: Exclude<Sizes, { height: number }>, most: number): Edges {
    if (typeof size === 'number') return { shortest: size, longest: this.#settings.max_size ?? most };
    if (size.longest_edge !== undefined) return { shortest: size.shortest_edge, longest: size.longest_edge };
    throw new InputError(
      "The size of preprocessor_config.json has a shortest_edge and no longest_edge: set both, or give the pixels as the model's own input.",
    );
  }

  /** Small ones are resized to a bit more, and cropped; large ones are stretched. */
  #likeConvNext(image: RawImage, size: Sizes, resampling: Resampling): RawImage {
    const [edge] = typeof size === 'number' ? [size] : 'shortest_edge' in size ? [size.shortest_edge] : [size.height];
    if (edge! >= 384) return resize(image, edge!, edge!, resampling);
    const larger = Math.trunc(edge! / (this.#settings.crop_pct ?? 224 / 256));
    return cropped(resize(image, ...this.#sidesOf(image, { shortest_edge: larger }), resampling), edge!, edge!);
  }

  /** Writes the channels of a picture one after the other. */
  #write({ data, width, height }: RawImage, into: Float32Array): void {
    const { do_rescale, rescale_factor, do_normalize, image_mean, image_std } = this.#settings;
    const factor = (do_rescale ?? true) ? (rescale_factor ?? 1 / 255) : 1;
    const isNormalized = do_normalize ?? true;
    for (let channel = 0; channel < 3; channel++) {
      const mean = isNormalized ? (image_mean ?? this.#kind.mean)[channel]! : 0;
      const deviation = isNormalized ? (image_std ?? this.#kind.std)[channel]! : 1;
      for (let i = 0; i < width * height; i++) {
        into[channel * width * height + i] = (Math.fround(data[i * 3 + channel]! * factor) - mean) / deviation;
      }
    }
  }
}

/** What the shorter side becomes, and what the longer one is at most. */
interface Edges {
  readonly shortest: number;
  readonly longest: number;
}

/** The sides of a picture that is made to fit, its shape kept. */
function fitted(
  { width, height }: Omit<RawImage, 'data'>,
  { shortest, longest }: Edges,
): [width: number, height: number] {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const isTooLong = (long / short) * shortest > longest;
  const exact = isTooLong ? (longest * short) / long : shortest;
  const edge = roundedToEven(exact);
  if (edge === short) return [width, height];
  const other = Math.trunc((exact * long) / short);
  return width < height ? [edge, other] : [other, edge];
}

/** As Python rounds. */
function roundedToEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** The middle of a picture; black where it is smaller. */
function cropped(image: RawImage, width: number, height: number): RawImage {
  const [left, top] = [Math.floor((image.width - width) / 2), Math.floor((image.height - height) / 2)];
  return map(image, width, height, (x, y) => [x + left, y + top]);
}
