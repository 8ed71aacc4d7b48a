import { nodeOrt } from './node/node-ort.ts';
import type { Ort } from './port.ts';

/** The ONNX Runtime of this platform. */
export const ort: Ort = nodeOrt;
