import { StorageValidationError } from "@workglow/util";

const CANONICAL_LENGTH = 24;
const ZERO = 48;
const CANONICAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
// RFC 3339, and a bare date as midnight UTC (ISO 8601 as ECMAScript reads it).
const ACCEPTED =
  /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?([Zz]|[+-]\d\d:?\d\d))?$/;

/**
 * The one form of a point in time: `YYYY-MM-DDTHH:mm:ss.sssZ`, UTC, milliseconds, years 0001 to 9999.
 * Takes a `Date` or an RFC 3339 text (or a bare date); a time without an offset is refused, since
 * it would mean another instant on another machine.
 *
 * @throws StorageValidationError
 */
export function canonicalDateTime(value: unknown, where: string): string {
  if (value instanceof Date) return fromMs(value.getTime(), where);
  if (typeof value !== "string") {
    throw new StorageValidationError(`"${where}" takes an ISO 8601 date-time or a Date`);
  }
  if (isCanonical(value)) return value;
  const parts = ACCEPTED.exec(value);
  if (parts === null || !isCalendarDate(Number(parts[1]), Number(parts[2]), Number(parts[3]))) {
    throw new StorageValidationError(`"${where}" takes an ISO 8601 date-time with an offset`);
  }
  if (!hasClockTime(parts)) {
    throw new StorageValidationError(`"${where}" takes a time of day from 00:00:00 to 23:59:59`);
  }
  return fromMs(toMs(parts), where);
}

/** Most values are canonical already: this tells them faster than taking them apart. */
function isCanonical(value: string): boolean {
  if (value.length !== CANONICAL_LENGTH || !CANONICAL.test(value)) return false;
  const year = digits(value, 0) * 100 + digits(value, 2);
  return (
    year > 0 &&
    isCalendarDate(year, digits(value, 5), digits(value, 8)) &&
    digits(value, 11) < 24 &&
    digits(value, 14) < 60 &&
    digits(value, 17) < 60
  );
}

/** The two decimal digits at `index`. */
function digits(text: string, index: number): number {
  return (text.charCodeAt(index) - ZERO) * 10 + (text.charCodeAt(index + 1) - ZERO);
}

function isCalendarDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
  return day <= days;
}

function hasClockTime(parts: RegExpExecArray): boolean {
  return Number(parts[4] ?? 0) < 24 && Number(parts[5] ?? 0) < 60 && Number(parts[6] ?? 0) < 60;
}

function toMs(parts: RegExpExecArray): number {
  const at = new Date(0);
  // setUTCFullYear, as Date.UTC takes years below 100 for the 1900s.
  at.setUTCFullYear(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]));
  const millis = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  at.setUTCHours(Number(parts[4] ?? 0), Number(parts[5] ?? 0), Number(parts[6] ?? 0), millis);
  return at.getTime() - offsetMs(parts[8]);
}

function offsetMs(offset: string | undefined): number {
  if (offset === undefined || offset === "Z" || offset === "z") return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(-2));
  return (offset[0] === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function fromMs(ms: number, where: string): string {
  const date = new Date(ms);
  const year = Number.isNaN(ms) ? 0 : date.getUTCFullYear();
  if (year < 1 || year > 9999) {
    throw new StorageValidationError(`"${where}" takes a date-time of the years 0001 to 9999`);
  }
  return date.toISOString();
}
