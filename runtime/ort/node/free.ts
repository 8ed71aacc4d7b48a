import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SessionTensor } from '../port.ts';

/** Smaller tensors cost less than giving them back does. */
const LEAST = 2 ** 14;

type Transfer = (this: ArrayBuffer, length: number) => ArrayBuffer;

/** Null where the engine cannot do it: there it frees tensors when it gets to them. */
let transfer: Transfer | null | undefined;

/**
 * Gives back the memory of a tensor that nobody holds. JavaScript's engine would find out some time: by then the sessions,
 * whose memory it is, have taken more, and the engine looks through all of its own.
 */
export function freeTensor({ data }: SessionTensor): void {
  const { buffer, byteLength } = data;
  // What is a part of something larger stays, and what was given back before is gone.
  if (!(buffer instanceof ArrayBuffer) || byteLength < LEAST || buffer.byteLength !== byteLength) return;
  transfer ??= transferOf();
  transfer?.call(buffer, 0);
}

/** Takes a buffer's memory away from it. Up to Node 20 the engine has it behind a flag, for contexts that are made later. */
function transferOf(): Transfer | null {
  const known = (ArrayBuffer.prototype as { transfer?: Transfer }).transfer;
  if (known) return known;
  setFlagsFromString('--harmony-rab-gsab-transfer');
  const found: Transfer | undefined = runInNewContext('ArrayBuffer.prototype.transfer');
  setFlagsFromString('--no-harmony-rab-gsab-transfer');
  return found ?? null;
}
