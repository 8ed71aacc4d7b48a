import { join } from 'node:path';
import * as z from 'zod';
import { readJson } from '../language/json-file.ts';
import { audioSettings, FeatureExtractor } from './feature-extractor.ts';
import { ImageProcessor, imageSettings } from './image-processor.ts';

const preprocessorConfig = z.looseObject({
  image_processor_type: z.string().nullish(),
  feature_extractor_type: z.string().nullish(),
});

/** What makes a model's inputs of pictures or sound; it fails where it is used if it is not known here. */
export type Processor =
  | { readonly takes: 'image'; readonly make: () => ImageProcessor }
  | { readonly takes: 'audio'; readonly make: () => FeatureExtractor };

/** The processor that `preprocessor_config.json` in a folder describes; null without one. Throws a `ModelError` for a damaged file. */
export function readProcessor(folder: string): Processor | null {
  const path = join(folder, 'preprocessor_config.json');
  const found = readJson(path, preprocessorConfig);
  // Old files call what takes pictures a feature extractor too.
  const type = found?.image_processor_type ?? found?.feature_extractor_type;
  if (!type) return null;
  return 'sampling_rate' in found!
    ? { takes: 'audio', make: () => new FeatureExtractor(type, readJson(path, audioSettings)!) }
    : { takes: 'image', make: () => new ImageProcessor(type, readJson(path, imageSettings)!) };
}
