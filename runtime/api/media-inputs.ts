import { InputError, type Inputs } from '../inputs/signature.ts';
import type { Processor } from '../media/processor.ts';
import { isRawAudio, type RawAudio, readAudio } from '../media/raw-audio.ts';
import { isRawImage, type RawImage, readImage } from '../media/raw-image.ts';
import type { OnnxModel } from '../onnx/model.ts';
import { Tensor } from '../tensor/tensor.ts';
import { isPlainObject } from '../tracing/plain-object.ts';
import type { InputMaker } from './input-maker.ts';

/** The input that tells pixels of a picture from its padding. */
const PIXEL_MASK = 'pixel_mask';

/** Inputs of a model of pictures or sound: beside those by their own names, `image` or `audio`, or a list of them. */
export class MediaInputs implements InputMaker {
  readonly #model: OnnxModel;
  readonly #usual: InputMaker;
  readonly #processor: Processor;

  constructor(model: OnnxModel, usual: InputMaker, processor: Processor) {
    this.#model = model;
    this.#usual = usual;
    this.#processor = processor;
  }

  read(inputs: unknown): Promise<Inputs> | null {
    if (this.#processor.takes !== 'image' || !this.#isMedia(inputs)) return null;
    const { image } = inputs;
    const list = listOf(image);
    if (!list.some(isFile)) return null;
    return Promise.all(list.map((one) => (isFile(one) ? readImage(one) : one))).then(
      (read) => ({ ...inputs, image: read }) as unknown as Inputs,
    );
  }

  prepare(inputs: unknown): Inputs {
    if (!this.#isMedia(inputs)) return this.#usual.prepare(inputs);
    const { takes } = this.#processor;
    const { [takes]: given, ...others } = inputs;
    const list = listOf(given);
    if (list.length === 0) throw new InputError(`The input ${takes} is an empty list.`);
    const [name, tensor] = made(this.#processor, list);
    if (!this.#has(name)) {
      const names = this.#model.inputs.map((input) => input.name).join(', ');
      throw new InputError(
        `The model has no input '${name}' for ${takes === 'image' ? 'a picture' : 'sound'}, only ${names}.`,
      );
    }
    if (others[name] !== undefined)
      throw new InputError(`The inputs have both ${takes} and ${name}, which is made of it.`);
    return { ...this.#masks(tensor, others), ...this.#usual.prepare(others), [name]: tensor };
  }

  /** Which pixels are a picture's and no padding, where the model asks for it: all of them are. */
  #masks(pixels: Tensor, given: Readonly<Record<string, unknown>>): Inputs {
    const input = this.#model.inputs.find(({ name }) => name === PIXEL_MASK);
    if (this.#processor.takes !== 'image' || !input || given[PIXEL_MASK] !== undefined) return {};
    const [pictures, , height, width] = pixels.dims as [number, number, number, number];
    const data = new Array<number>(pictures * height * width).fill(1);
    return { [PIXEL_MASK]: Tensor.from(data, input.dtype ?? 'int64', [pictures, height, width]) };
  }

  batch(list: readonly Inputs[]): Inputs {
    return this.#usual.batch(list);
  }

  #isMedia(inputs: unknown): inputs is Readonly<Record<string, unknown>> {
    const { takes } = this.#processor;
    return isPlainObject(inputs) && (inputs as Record<string, unknown>)[takes] !== undefined && !this.#has(takes);
  }

  #has(name: string): boolean {
    return this.#model.inputs.some((input) => input.name === name);
  }
}

/** The name of the model's input, and its data. */
function made(processor: Processor, list: readonly unknown[]): [string, Tensor] {
  if (processor.takes === 'image') return ['pixel_values', processor.make().pixels(list.map(picture))];
  const extractor = processor.make();
  return [extractor.input, extractor.features(list.map(sound))];
}

/** Each of a list, also where nothing stands in it. */
function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? Array.from(given) : [given];
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

function isFile(value: unknown): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

function picture(value: unknown): RawImage {
  if (isRawImage(value)) return value;
  throw new InputError(
    isFile(value)
      ? 'In a block a picture cannot be waited for: read it before, const image = await readImage(…), and give { image }.'
      : `The input image is a file, its bytes, what readImage gave, or a list of these, not ${kindOf(value)}.`,
  );
}

function sound(value: unknown): RawAudio {
  if (isRawAudio(value)) return value;
  if (isFile(value)) return readAudio(value);
  throw new InputError(
    `The input audio is a WAV file, its bytes, what readAudio gave, or a list of these, not ${kindOf(value)}.`,
  );
}
