import type {
  InMemoryQueueStorage,
  JobStatus as OurJobStatus,
  JobStorageFormat as OurJobStorageFormat,
} from "@workglow/job-queue";
import type { SqliteKvStorage, SqliteTabularStorage, SqliteVectorStorage } from "@workglow/sqlite";
import type { SqliteQueueStorage } from "@workglow/sqlite/job-queue";
import type {
  HybridSearchOptions,
  InMemoryKvStorage,
  InMemoryTabularStorage,
  InMemoryVectorStorage,
  KvViaTabularStorage,
  VectorSearchOptions,
} from "@workglow/storage";
import type { FromSchema } from "@workglow/util/schema";
import { expectTypeOf } from "vitest";
import type { IKvStorage } from "./fixtures/block-00.ts";
import type { ITabularStorage } from "./fixtures/block-02.ts";
import type { UserPrimaryKey, UserSchema } from "./fixtures/block-03.ts";
import type { IQueueStorage } from "./fixtures/block-07.ts";
import type { JobStorageFormat } from "./fixtures/block-08.ts";
import type { JobStatus } from "./fixtures/block-09.ts";
import type { IVectorStorage } from "./fixtures/block-12.ts";
import type { ChunkMetadata, ChunkSchema } from "./fixtures/block-13.ts";
import type {
  HybridSearchOptions as SeedHybridSearchOptions,
  VectorSearchOptions as SeedVectorSearchOptions,
} from "./fixtures/block-15.ts";

// Key-value storages are what block 0 declares.
expectTypeOf<InMemoryKvStorage>().toExtend<IKvStorage>();
expectTypeOf<SqliteKvStorage>().toExtend<IKvStorage>();
expectTypeOf<InMemoryKvStorage<number, { a: string }>>().toExtend<
  IKvStorage<number, { a: string }>
>();
expectTypeOf<SqliteKvStorage<number, { a: string }>>().toExtend<
  IKvStorage<number, { a: string }>
>();
expectTypeOf<KvViaTabularStorage<string, boolean>>().toExtend<IKvStorage<string, boolean>>();
expectTypeOf<InMemoryKvStorage<number>>().not.toExtend<IKvStorage<string>>();

// Tabular storages are what block 2 declares, for the schema of block 3.
type Schema = typeof UserSchema;
type Key = typeof UserPrimaryKey;
expectTypeOf<InMemoryTabularStorage<Schema, Key>>().toExtend<ITabularStorage<Schema, Key>>();
expectTypeOf<SqliteTabularStorage<Schema, Key>>().toExtend<ITabularStorage<Schema, Key>>();

type User = FromSchema<Schema>;
expectTypeOf<User>().toEqualTypeOf<{
  user_id: string;
  name: string;
  email: string;
  created_at: string;
}>();
declare const users: SqliteTabularStorage<Schema, Key>;
expectTypeOf(users.put).parameter(0).toEqualTypeOf<{
  user_id?: string;
  name: string;
  email: string;
  created_at: string;
}>();
expectTypeOf(users.get).parameter(0).toEqualTypeOf<{ user_id: string }>();
// @ts-expect-error: a user has a name
void users.put({ email: "a", created_at: "b" });
// @ts-expect-error: the key is the user's id
void users.get({ name: "a" });
// @ts-expect-error: no such column
void users.query({ age: 3 });

// Queues are what block 7 declares, with the jobs of blocks 8 and 9.
interface Input {
  url: string;
}
expectTypeOf<InMemoryQueueStorage<Input, number>>().toExtend<IQueueStorage<Input, number>>();
expectTypeOf<SqliteQueueStorage<Input, number>>().toExtend<IQueueStorage<Input, number>>();
expectTypeOf<OurJobStorageFormat<Input, number>>().toExtend<JobStorageFormat<Input, number>>();
expectTypeOf<JobStorageFormat<Input, number>>().toExtend<OurJobStorageFormat<Input, number>>();
expectTypeOf<OurJobStatus>().toEqualTypeOf<JobStatus>();

// Vector storages are what block 12 declares, with the options of block 15.
type Chunk = FromSchema<typeof ChunkSchema>;
type Chunks = IVectorStorage<
  ChunkMetadata,
  typeof ChunkSchema,
  Chunk,
  readonly ["id"],
  { id: string },
  Chunk
>;
expectTypeOf<
  InMemoryVectorStorage<typeof ChunkSchema, readonly ["id"], ChunkMetadata>
>().toExtend<Chunks>();
expectTypeOf<
  SqliteVectorStorage<typeof ChunkSchema, readonly ["id"], ChunkMetadata>
>().toExtend<Chunks>();
expectTypeOf<SeedVectorSearchOptions<ChunkMetadata>>().toExtend<
  VectorSearchOptions<ChunkMetadata>
>();
expectTypeOf<SeedHybridSearchOptions<ChunkMetadata>>().toExtend<
  HybridSearchOptions<ChunkMetadata>
>();
