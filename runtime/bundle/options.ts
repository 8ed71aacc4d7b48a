import { guess, nearest, unknownOption } from '../nearest.ts';
import { BundleError } from './error.ts';
import type { LoadBundleOptions } from './session.ts';

/**
 * Throws a BundleError for options that there are none of, and for values that they cannot have.
 * @param host 'Node' or 'A browser', and the devices that it has
 */
export function checkLoadOptions(options: LoadBundleOptions, host: string, devices: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new BundleError(`The options of a bundle are an object, not ${JSON.stringify(options)}.`);
  }
  const wrong = unknownOption('A bundle', options, ['device', 'verify']);
  if (wrong !== null) throw new BundleError(`${wrong}.`);
  const { device, verify } = options;
  if (device !== undefined && !devices.includes(device)) {
    const meant = guess(nearest(String(device), devices)) || '.';
    throw new BundleError(`${host} has no device '${device}'${meant} Take ${devices.join(', ')}.`);
  }
  if (verify !== undefined && typeof verify !== 'boolean') {
    throw new BundleError(`The option verify of a bundle is true or false, not ${JSON.stringify(verify)}.`);
  }
}
