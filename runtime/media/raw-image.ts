import { refuseMore } from '../arguments.ts';
import { InputError } from '../inputs/signature.ts';

/** A picture in memory: three bytes (red, green, blue) for each pixel, row by row. */
export interface RawImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Reads a picture: a file (PNG, JPEG, WebP, …), or the bytes of one. Turned as the camera was held, transparency left out,
 * colours as they are stored, as Pillow has them. Throws an `InputError` for what is none, and where the package sharp,
 * which reads it, is not installed.
 */
export async function readImage(source: string | Uint8Array, ...more: readonly never[]): Promise<RawImage> {
  refuseMore('readImage(source)', more);
  if (typeof source !== 'string' && !(source instanceof Uint8Array))
    throw new InputError('readImage takes a path, or the bytes of a file as a Uint8Array.');
  const { default: sharp } = await import('sharp').catch((cause) => {
    throw new InputError('Pictures are read by the package sharp, which is not installed: npm install sharp.', {
      cause,
    });
  });
  const what = typeof source === 'string' ? source : `${source.byteLength} bytes`;
  try {
    const file = sharp(source, { ignoreIcc: true });
    const { space, depth, channels } = await file.metadata();
    if (space === 'cmyk') throw new Error('its colours are those of a printer (CMYK): convert it to RGB');
    if (depth === 'ushort' && channels === 1) throw new Error('it is gray with 16 bits: convert it to 8');
    const picture = file.autoOrient().removeAlpha().toColourspace('srgb');
    const { data, info } = await picture.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: new Uint8Array(data) };
  } catch (cause) {
    throw new InputError(`${what} cannot be read as a picture: ${(cause as Error).message}.`, { cause });
  }
}

/** Whether a value is a picture in memory. Throws an `InputError` for one whose data has another size, or is no bytes. */
export function isRawImage(value: unknown): value is RawImage {
  const { width, height, data } = (value ?? {}) as Partial<RawImage>;
  if (typeof width !== 'number' || typeof height !== 'number' || !ArrayBuffer.isView(data)) return false;
  const isBytes = data instanceof Uint8Array || (data as unknown) instanceof Uint8ClampedArray;
  if (!isBytes) throw new InputError('The data of a picture is a Uint8Array of red, green and blue, from 0 to 255.');
  const isWhole = [width, height].every((size) => Number.isInteger(size) && size > 0);
  if (isWhole && data.length === width * height * 3) return true;
  throw new InputError(
    `A picture of ${width} × ${height} pixels has ${width * height * 3} bytes (red, green, blue), and this one has ${data.length}.`,
  );
}
