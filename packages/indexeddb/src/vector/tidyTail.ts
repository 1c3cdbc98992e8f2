import { keyIdentity } from "./keyIdentity.ts";
import { keysIn, sendStates, type WritableLog, type WriteState } from "./sendStates.ts";
import {
  isSmallRecord,
  type KeyStretch,
  rangeOf,
  readNumbered,
  readNumbers,
  type VectorRecord,
  vectorStore,
} from "./vectorRecords.ts";

/** So many records are read at once. */
const PAGE = 32;
/** A tail is not read further once it holds so much, for the sake of its small records alone. */
const MOST_BYTES = 2 ** 23;
const MOST_RECORDS = 4096;

/** What a tail tells of a key: where its vector stands, that it has none, or that it has its old one. */
interface KeyState {
  readonly key: IDBValidKey;
  readonly is: "gone" | "same" | { readonly units: Float32Array; readonly at: number };
}

/**
 * Puts one record, or a few, in the place of the small ones at the end of a tenant's log, if there
 * are `least` of them. It goes by nothing but what it reads there, where the newest record that
 * tells of a key is right.
 */
export async function tidyTail(log: WritableLog, least: number): Promise<void> {
  const { tx, table, dimensions } = log;
  const store = tx.store(vectorStore(table));
  const numbers = await readNumbers(store, log.tenant);
  if (numbers.length < least) return;
  const tail = await readTail(store, numbers, dimensions);
  const small = tail.filter((record) => isSmallRecord(record, dimensions));
  if (small.length < least) return;
  const states = statesIn(tail, dimensions);
  const writeState: WriteState = (key, target, at) => {
    const { is } = states.get(keyIdentity(key)) as KeyState;
    if (is === "gone" || is === "same") return is;
    target.set(is.units.subarray(is.at, is.at + dimensions), at);
    return "set";
  };
  const replaces = small.map(({ n }) => n as number);
  for (const number of replaces) tx.sendDelete(store.name, number);
  sendStates(log, keysIn(small), writeState, { replaces });
}

/**
 * The last records, in order: back to one that begins anew, or to where there are hardly any small
 * ones, as somebody has been there before.
 */
async function readTail(
  store: IDBObjectStore,
  numbers: readonly number[],
  dimensions: number,
): Promise<readonly VectorRecord[]> {
  let tail: VectorRecord[] = [];
  let bytes = 0;
  for (let end = numbers.length; end > 0; end -= PAGE) {
    const page = await readNumbered(store, numbers.slice(Math.max(0, end - PAGE), end));
    const beginning = page.findLastIndex(({ cut }) => cut === true);
    tail = [...page.slice(Math.max(0, beginning)), ...tail];
    for (const { units } of page) bytes += units.byteLength;
    const hasSmall = page.some((record) => isSmallRecord(record, dimensions));
    if (beginning >= 0 || !hasSmall || bytes > MOST_BYTES || tail.length >= MOST_RECORDS) break;
  }
  return tail;
}

function statesIn(
  tail: readonly VectorRecord[],
  dimensions: number,
): ReadonlyMap<unknown, KeyState> {
  const states = new Map<unknown, KeyState>();
  for (const { cut, gone, same = [], keys, units } of tail) {
    if (cut !== undefined && cut !== true) cutStates(states, cut);
    for (const key of gone) states.set(keyIdentity(key), { key, is: "gone" });
    for (const key of same) {
      const identity = keyIdentity(key);
      if (!states.has(identity)) states.set(identity, { key, is: "same" });
    }
    const vectors = new Float32Array(units);
    for (const [at, key] of keys.entries()) {
      states.set(keyIdentity(key), { key, is: { units: vectors, at: at * dimensions } });
    }
  }
  return states;
}

function cutStates(states: Map<unknown, KeyState>, stretch: KeyStretch): void {
  const range = rangeOf(stretch);
  for (const [identity, { key }] of states) {
    if (range.includes(key)) states.set(identity, { key, is: "gone" });
  }
}
