import { v7 } from "uuid";

const UUID_BYTES = 16;

// Asking for random bytes costs six times as much as all the rest, however few are asked for.
const pool = new Uint8Array(256 * UUID_BYTES);
let used = pool.length;

function takeRandom(): Uint8Array {
  if (used === pool.length) {
    globalThis.crypto.getRandomValues(pool);
    used = 0;
  }
  used += UUID_BYTES;
  return pool.subarray(used - UUID_BYTES, used);
}

const MAX_SEQUENCE = 0xffff_ffff;

// The time and the counter of the UUID made last; both only grow, whatever the clock does.
let msecs = 0;
let sequence = 0;

/** A new UUID of version 7: within a process each sorts after those before it. */
export function newUuid(): string {
  const random = takeRandom();
  const now = Date.now();
  if (now > msecs) {
    msecs = now;
    // The upper half stays free, so that the counter has room to grow.
    sequence = ((random[6]! & 0x7f) << 24) | (random[7]! << 16) | (random[8]! << 8) | random[9]!;
  } else if (sequence < MAX_SEQUENCE) {
    sequence++;
  } else {
    msecs++;
    sequence = 0;
  }
  return v7({ random, msecs, seq: sequence });
}
