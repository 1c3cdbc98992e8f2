import { StorageFullError } from "@workglow/util";
import type { Prefix } from "../../base/prefixes.ts";
import { BoundedChangeLog } from "../../changes/BoundedChangeLog.ts";
import type { WriteStep, WriteUnit } from "../../memory/WriteUnit.ts";
import type { Row } from "../schema/TableSchema.ts";
import type { WantedShape } from "../shape/TableShape.ts";
import { MemoryPartition } from "./MemoryPartition.ts";

/** A row that came, went or was replaced by another of the same key. */
export interface MemoryRowChange {
  readonly partition: MemoryPartition;
  readonly old: Row | undefined;
  readonly next: Row | undefined;
}

/** The rows that the storages of one table share: a partition for each tenant, one counter. */
export class MemoryTable {
  public readonly log: BoundedChangeLog<MemoryRowChange>;
  private readonly partitions = new Map<string, MemoryPartition>();
  private current: WantedShape;
  private lastGenerated = 0;

  /** @param changeLogLength how many changes are kept for subscribers that come back */
  public constructor(shape: WantedShape, changeLogLength: number) {
    this.current = shape;
    this.log = new BoundedChangeLog(changeLogLength);
  }

  public get shape(): WantedShape {
    return this.current;
  }

  /** The rows of one tenant. */
  public partition(prefixes: readonly Prefix[]): MemoryPartition {
    const tenant = JSON.stringify(prefixes.map(({ value }) => value));
    let partition = this.partitions.get(tenant);
    if (partition === undefined) {
      partition = new MemoryPartition(this.current.schema, this.current.indexes);
      this.partitions.set(tenant, partition);
    }
    return partition;
  }

  /**
   * The next number for a generated key. Numbers are never given out twice, whatever became of the
   * row, and lie above all that callers brought along.
   *
   * @throws StorageFullError when there is no safe integer left
   */
  public generateKey(): number {
    if (this.lastGenerated >= Number.MAX_SAFE_INTEGER) {
      throw new StorageFullError("the counter of generated keys has reached its end");
    }
    return ++this.lastGenerated;
  }

  /** Takes notice of a key that a caller gave where one could have been generated. */
  public observeKey(key: number): void {
    if (key > this.lastGenerated) this.lastGenerated = key;
  }

  /**
   * Puts `next` in the place of `old`, the row of the same key; `undefined` stands for no row.
   *
   * @throws StorageConflictError, with nothing changed, when a unique index has the values already
   */
  public replace(
    partition: MemoryPartition,
    old: Row | undefined,
    next: Row | undefined,
    unit: WriteUnit,
  ): void {
    if (next !== undefined) partition.refuseConflict(old, next);
    partition.replace(old, next);
    unit.add(new RowReplacement(this.log, { partition, old, next }));
  }

  /** Removes all rows of a tenant. */
  public clear(partition: MemoryPartition, unit: WriteUnit): void {
    unit.add(new Clearance(this.log, partition, partition.clear()));
  }

  /**
   * Gives the table another shape, with its rows rewritten by `rewrite`.
   *
   * @throws StorageConflictError when rows share the values of a new unique index
   */
  public reshape(shape: WantedShape, rewrite: (row: Row) => Row, unit: WriteUnit): void {
    const before = this.current;
    const contents = [...this.partitions.values()].map((partition) => ({
      partition,
      rows: [...partition.values()],
    }));
    unit.add({
      undo: () => {
        this.current = before;
        for (const { partition, rows } of contents)
          partition.load(before.schema, before.indexes, rows);
      },
      committed: () => this.log.interrupt(),
    });
    this.current = shape;
    for (const { partition, rows } of contents) {
      partition.load(shape.schema, shape.indexes, rows.map(rewrite));
    }
  }
}

class RowReplacement implements WriteStep {
  private readonly log: BoundedChangeLog<MemoryRowChange>;
  private readonly change: MemoryRowChange;

  public constructor(log: BoundedChangeLog<MemoryRowChange>, change: MemoryRowChange) {
    this.log = log;
    this.change = change;
  }

  public undo(): void {
    const { partition, old, next } = this.change;
    partition.replace(next, old);
  }

  public committed(): void {
    this.log.append(this.change);
  }
}

class Clearance implements WriteStep {
  private readonly log: BoundedChangeLog<MemoryRowChange>;
  private readonly partition: MemoryPartition;
  private readonly rows: readonly Row[];

  public constructor(
    log: BoundedChangeLog<MemoryRowChange>,
    partition: MemoryPartition,
    rows: readonly Row[],
  ) {
    this.log = log;
    this.partition = partition;
    this.rows = rows;
  }

  public undo(): void {
    for (const row of this.rows) this.partition.replace(undefined, row);
  }

  public committed(): void {
    const { log, partition } = this;
    for (const old of this.rows) log.append({ partition, old, next: undefined });
  }
}
