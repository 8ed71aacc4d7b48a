/** A file of an archive: its name, and the checksum of its content. */
export interface ZipEntry {
  readonly file: string;
  readonly checksum: number;
}

/** Where a field stands in the archive's directory, and the marks that its parts begin with (PKWARE's APPNOTE, 4.3). */
const END_MARK = 0x06054b50;
const END_SIZE = 22;
const LONGEST_COMMENT = 0xffff;
const ENTRY_MARK = 0x02014b50;
const ENTRY_SIZE = 46;

/**
 * What the directory at the end of an archive lists, which fflate unpacks without a look at the checksums.
 * @throws RangeError for what is no archive
 */
export function listZip(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - END_SIZE;
  while (view.getUint32(end, true) !== END_MARK) {
    if (--end < bytes.length - END_SIZE - LONGEST_COMMENT) throw new RangeError('no directory');
  }
  // Before its end, with sizes that need no extension: the directory stands right in front of it, or of that extension.
  const entries: ZipEntry[] = [];
  for (let at = directoryOf(view, end); at < end && view.getUint32(at, true) === ENTRY_MARK; ) {
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
      number,
      number,
      number,
    ];
    const file = Buffer.from(bytes.subarray(at + ENTRY_SIZE, at + ENTRY_SIZE + name)).toString();
    entries.push({ file, checksum: view.getUint32(at + 16, true) });
    at += ENTRY_SIZE + name + extra + comment;
  }
  return entries;
}

const END64_MARK = 0x06064b50;
const LOCATOR_MARK = 0x07064b50;
const LOCATOR_SIZE = 20;

/** Where the directory begins. */
function directoryOf(view: DataView, end: number): number {
  const locator = end - LOCATOR_SIZE;
  const isLarge = locator >= 0 && view.getUint32(locator, true) === LOCATOR_MARK;
  if (!isLarge) return view.getUint32(end + 16, true);
  const end64 = Number(view.getBigUint64(locator + 8, true));
  if (view.getUint32(end64, true) !== END64_MARK) throw new RangeError('no directory');
  return Number(view.getBigUint64(end64 + 48, true));
}
