import type { Attributes } from "@opentelemetry/api";

export interface StorageSpanDescription {
  /** The database: `sqlite`, `postgresql`, `memory`, … */
  readonly system: string;
  /** The table. */
  readonly collection?: string;
  /** The method. */
  readonly operation?: string;
  /** How many items a bulk call has; conventions want it from two on. */
  readonly batchSize?: number;
}

/** The attributes of a storage's span, by OpenTelemetry's conventions for databases. */
export function storageSpanAttributes(description: StorageSpanDescription): Attributes {
  const { system, collection, operation, batchSize = 0 } = description;
  const attributes: Attributes = { "db.system.name": system };
  if (collection !== undefined) attributes["db.collection.name"] = collection;
  if (operation !== undefined) attributes["db.operation.name"] = operation;
  if (batchSize >= 2) attributes["db.operation.batch.size"] = batchSize;
  return attributes;
}
