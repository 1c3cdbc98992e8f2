import {
  IndexedDbDatabase,
  IndexedDbTabularStorage,
  type IndexedDbTabularStorageOptions,
} from "@workglow/indexeddb";
import { DatabaseChanges } from "../src/changes/DatabaseChanges.ts";
import type { IndexedDbChangeLogOptions } from "../src/changes/IndexedDbChangeLog.ts";

const schema = {
  type: "object",
  properties: { id: { type: "string" }, body: { type: "string" } },
  required: ["id"],
  additionalProperties: false,
} as const;

export interface Note {
  readonly id: string;
  readonly body?: string;
}

export type Notes = IndexedDbTabularStorage<typeof schema, readonly ["id"], Note>;

/** A connection of its own, whose leases may be as short as a test wants them. */
export class ChangesRealm extends IndexedDbDatabase {
  private readonly own: DatabaseChanges;

  public constructor(name: string, options?: IndexedDbChangeLogOptions) {
    super(name);
    this.own = new DatabaseChanges(this, options);
  }

  public override get changes(): DatabaseChanges {
    return this.own;
  }

  /** Its table `notes`. */
  public notes(options: Omit<IndexedDbTabularStorageOptions, "database"> = {}): Notes {
    const primaryKey = ["id"] as const;
    return new IndexedDbTabularStorage("notes", schema, primaryKey, ["body"], {
      ...options,
      database: this,
    });
  }
}
