import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/**
 * Throws where bytes are not those of a message, as protobuf's other parsers find out. That of JavaScript reads a field
 * that is written as one of another type, or is longer than the message around it, as something else without a word.
 */
export function checkWellFormed(message: DescMessage, bytes: Uint8Array): void {
  checkMessage(message, bytes, new BinaryReader(bytes), bytes.length);
}

function checkMessage(message: DescMessage, bytes: Uint8Array, reader: BinaryReader, end: number): void {
  const known = fieldsOf(message);
  while (reader.pos < end) {
    const start = reader.pos;
    const [number, wire] = reader.tag();
    const field = known.get(number);
    const isBytes = wire === WireType.LengthDelimited;
    const wrong = (why: string) => new Error(`${message.name}'s field ${field?.desc.name ?? number} ${why}`);
    if (field && wire !== field.wire && !(isBytes && field.isPackable)) throw wrong('is written as another type');
    if (field && isBytes) {
      const length = reader.uint32();
      const last = reader.pos + length;
      if (last > end) throw wrong('is longer than what it stands in');
      if (field.desc.message) checkMessage(field.desc.message, bytes, reader, last);
      else if (field.isPackable && !isWhole(field.wire, bytes.subarray(reader.pos, last)))
        throw wrong('ends in the middle of a number');
      reader.pos = last;
    } else reader.skip(wire, number);
    if (reader.pos > end || reader.pos <= start) throw wrong('is longer than what it stands in');
  }
}

/** Whether a list of numbers that is written as bytes ends with a number's end. */
function isWhole(wire: WireType, bytes: Uint8Array): boolean {
  if (wire === WireType.Varint) return (bytes.at(-1) ?? 0) < 0x80;
  return bytes.length % (wire === WireType.Bit32 ? 4 : 8) === 0;
}

interface Field {
  readonly desc: DescField;
  /** How one of it is written. */
  readonly wire: WireType;
  /** Whether many of it may be written as one field of bytes. */
  readonly isPackable: boolean;
}

const fields = new Map<DescMessage, ReadonlyMap<number, Field>>();

function fieldsOf(message: DescMessage): ReadonlyMap<number, Field> {
  const known = fields.get(message) ?? new Map(message.fields.map((desc) => [desc.number, fieldOf(desc)]));
  fields.set(message, known);
  return known;
}

function fieldOf(desc: DescField): Field {
  const wire = desc.message ? WireType.LengthDelimited : desc.scalar ? scalarWire(desc.scalar) : WireType.Varint;
  return { desc, wire, isPackable: desc.fieldKind === 'list' && wire !== WireType.LengthDelimited };
}

function scalarWire(scalar: ScalarType): WireType {
  switch (scalar) {
    case ScalarType.BYTES:
    case ScalarType.STRING:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}
