import { StorageUnsupportedError } from "@workglow/util";
import {
  type TypedArray,
  type TypedArrayConstructor,
  type TypedArrayName,
  typedArrayConstructors,
  typedArrayNameOf,
} from "@workglow/util/schema";

export const TYPED_ARRAY_NAMES: readonly TypedArrayName[] = [
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "Int8Array",
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
];

export function isTypedArrayName(name: string): name is TypedArrayName {
  return (TYPED_ARRAY_NAMES as readonly string[]).includes(name);
}

/**
 * The constructor of a typed-array type.
 * @throws StorageUnsupportedError where the runtime lacks it (`Float16Array` before Node 24)
 */
export function typedArrayConstructor(name: TypedArrayName): TypedArrayConstructor {
  const found = typedArrayConstructors[name];
  if (found === undefined) throw new StorageUnsupportedError(name, "this JavaScript runtime");
  return found;
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * The bytes that a row keeps of an array: its elements, little-endian. Where the schema names no
 * array type, one more byte tells which it is.
 */
export function typedArrayToBytes(
  array: TypedArray,
  declared: TypedArrayName | undefined,
): Uint8Array {
  const elements = littleEndian(bytesOf(array), array.BYTES_PER_ELEMENT);
  if (declared !== undefined) return elements;
  const tagged = new Uint8Array(elements.length + 1);
  tagged.set(elements);
  tagged[elements.length] = TYPED_ARRAY_NAMES.indexOf(typedArrayNameOf(array) as TypedArrayName);
  return tagged;
}

function bytesOf(array: TypedArray): Uint8Array {
  // A view on the buffer of an empty array has no address, and node:sqlite of Node 22 takes it for
  // NULL; a fresh empty array has one.
  if (array.byteLength === 0) return new Uint8Array(0);
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/**
 * Reads what {@link typedArrayToBytes} wrote, into an array of its own: over the bytes' memory where
 * nobody else can have a part of it, else over a copy.
 */
export function typedArrayFromBytes(
  bytes: Uint8Array,
  declared: TypedArrayName | undefined,
): TypedArray {
  const name = declared ?? TYPED_ARRAY_NAMES[bytes[bytes.length - 1] as number];
  if (name === undefined) throw new RangeError("stored bytes hold no known typed array");
  const length = declared === undefined ? bytes.length - 1 : bytes.length;
  const arrayType = typedArrayConstructor(name);
  const isOwn = bytes.constructor === Uint8Array && bytes.byteLength === bytes.buffer.byteLength;
  // A driver may hand out a Buffer, whose own `slice` shares memory.
  const owned = isOwn ? bytes : Uint8Array.prototype.slice.call(bytes, 0, length);
  const copy = littleEndian(owned, arrayType.BYTES_PER_ELEMENT);
  return new arrayType(
    copy.buffer as ArrayBuffer,
    copy.byteOffset,
    length / arrayType.BYTES_PER_ELEMENT,
  );
}

function littleEndian(bytes: Uint8Array, width: number): Uint8Array {
  if (LITTLE_ENDIAN || width === 1) return bytes;
  const swapped = bytes.slice();
  for (let at = 0; at < swapped.length; at += width) swapped.subarray(at, at + width).reverse();
  return swapped;
}
