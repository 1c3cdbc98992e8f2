// Older TypeScript libraries do not declare Float16Array: naming it outright would turn the whole
// union into `any` there.
type Float16ArrayConstructorIfAny = typeof globalThis extends { Float16Array: infer Constructor }
  ? Constructor
  : never;
type Float16ArrayIfAny = Float16ArrayConstructorIfAny extends { readonly prototype: infer Instance }
  ? Instance
  : never;

/** The arrays that a vector column may hold. */
export type TypedArray =
  | Float16ArrayIfAny
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array;

export type TypedArrayConstructor =
  | Float16ArrayConstructorIfAny
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int8ArrayConstructor
  | Uint8ArrayConstructor
  | Int16ArrayConstructor
  | Uint16ArrayConstructor;

export type TypedArrayName =
  | "Float16Array"
  | "Float32Array"
  | "Float64Array"
  | "Int8Array"
  | "Uint8Array"
  | "Int16Array"
  | "Uint16Array";

type TypedArrayConstructors = {
  /** Missing where the runtime has none, e.g. in Node 22. */
  readonly Float16Array?: Float16ArrayConstructorIfAny;
  readonly Float32Array: Float32ArrayConstructor;
  readonly Float64Array: Float64ArrayConstructor;
  readonly Int8Array: Int8ArrayConstructor;
  readonly Uint8Array: Uint8ArrayConstructor;
  readonly Int16Array: Int16ArrayConstructor;
  readonly Uint16Array: Uint16ArrayConstructor;
};

/** Constructors by name, as in the format `TypedArray:Float32Array`. */
export const typedArrayConstructors: TypedArrayConstructors = /* @__PURE__ */ collectConstructors();

function collectConstructors(): TypedArrayConstructors {
  const { Float16Array } = globalThis as { Float16Array?: Float16ArrayConstructorIfAny };
  return Object.freeze(
    Object.assign(
      // Without a prototype, a name such as "constructor" finds nothing.
      Object.create(null) as object,
      Float16Array && { Float16Array },
      { Float32Array, Float64Array, Int8Array, Uint8Array, Int16Array, Uint16Array },
    ),
  );
}

const NAMES: ReadonlySet<unknown> = new Set<TypedArrayName>([
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "Int8Array",
  "Uint8Array",
  "Int16Array",
  "Uint16Array",
]);

// The getter that all typed arrays share reads the true class, of arrays from other realms and of
// subclasses (Buffer) as well, and cannot be fooled by a property.
const readClassName = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get as (this: unknown) => string | undefined;

/** The name of the array's class, a Buffer's being `Uint8Array`; `undefined` for all else. */
export function typedArrayNameOf(value: unknown): TypedArrayName | undefined {
  const name = readClassName.call(value);
  return NAMES.has(name) ? (name as TypedArrayName) : undefined;
}

export function isTypedArray(value: unknown): value is TypedArray {
  return typedArrayNameOf(value) !== undefined;
}
