import {
  InMemoryTabularStorage,
  type ITabularStorage,
  type Page,
  type SearchCriteria,
  type TabularChangePayload,
} from "@workglow/storage";
import type { DataPortSchemaObject } from "@workglow/util/schema";
import { describe, expectTypeOf, test } from "vitest";

const schema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    title: { type: "string" },
    views: { type: "integer", format: "int64" },
    cover: { type: "string", contentEncoding: "blob" },
    vector: { type: "array", format: "TypedArray:Float32Array" },
    published: { type: "boolean" },
    created_at: { type: "string", format: "date-time" },
    rating: { type: ["number", "null"] },
    read_at: { type: ["string", "null"], format: "date-time" },
    note: { type: "string" },
    tags: { type: "array", items: { type: "string" } },
  },
  required: [
    "id",
    "title",
    "views",
    "cover",
    "vector",
    "published",
    "created_at",
    "rating",
    "read_at",
  ],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;

interface Article {
  id: number;
  title: string;
  views: bigint;
  cover: Uint8Array;
  vector: Float32Array;
  published: boolean;
  created_at: string;
  rating: number | null;
  read_at: string | null;
  note?: string;
  tags?: string[];
}
interface NewArticle extends Omit<Article, "id" | "created_at" | "read_at"> {
  id?: number;
  created_at: string | Date;
  read_at: string | Date | null;
}
type Flat<T> = { [Name in keyof T]: T[Name] };

declare const article: Article;
declare const draft: NewArticle;
const articles = new InMemoryTabularStorage(schema, ["id"] as const, ["title"]);

const visitSchema = {
  type: "object",
  properties: {
    site: { type: "string" },
    page: { type: "integer" },
    visitor: { type: "string", "x-auto-generated": true },
    seconds: { type: "number" },
  },
  required: ["site", "page", "visitor", "seconds"],
  additionalProperties: false,
} as const satisfies DataPortSchemaObject;
const visits = new InMemoryTabularStorage(visitSchema, ["site", "page", "visitor"] as const);

describe("rows", () => {
  test("are read as the schema describes them", () => {
    expectTypeOf(articles.get).returns.resolves.toEqualTypeOf<Flat<Article> | undefined>();
    expectTypeOf(articles.getMany).returns.resolves.toEqualTypeOf<Flat<Article>[]>();
    expectTypeOf(articles.getAll).returns.resolves.toEqualTypeOf<Flat<Article>[] | undefined>();
    expectTypeOf(articles.query).returns.resolves.toEqualTypeOf<Flat<Article>[] | undefined>();
    expectTypeOf(articles.getBulk).returns.resolves.toEqualTypeOf<Flat<Article>[] | undefined>();
    expectTypeOf(articles.getPage).returns.resolves.toEqualTypeOf<Page<Flat<Article>>>();
    expectTypeOf(articles.records).returns.toEqualTypeOf<AsyncGenerator<Flat<Article>>>();
    expectTypeOf(articles.pages).returns.toEqualTypeOf<AsyncGenerator<Flat<Article>[]>>();
  });

  test("are written with generated keys optional and dates as text or Date", () => {
    expectTypeOf(articles.put).parameter(0).toEqualTypeOf<Flat<NewArticle>>();
    expectTypeOf(articles.insert).parameter(0).toEqualTypeOf<Flat<NewArticle>>();
    expectTypeOf(articles.putBulk).parameter(0).toEqualTypeOf<readonly Flat<NewArticle>[]>();
    void articles.put({ ...draft, created_at: new Date(), read_at: new Date() });
    void articles.put({ ...draft, id: 3, created_at: "2025-03-01T09:30:00Z", read_at: null });
  });

  test("come back from writes with the generated key and dates as text", () => {
    expectTypeOf(articles.put).returns.resolves.toEqualTypeOf<Flat<Article>>();
    expectTypeOf(articles.putBulk).returns.resolves.toEqualTypeOf<Flat<Article>[]>();
    expectTypeOf(articles.insert).returns.resolves.toEqualTypeOf<Flat<Article> | undefined>();
    expectTypeOf(articles.update).returns.resolves.toEqualTypeOf<Flat<Article> | undefined>();
    expectTypeOf(articles.put).returns.resolves.not.toBeAny();
  });

  test("of another shape do not compile", () => {
    // @ts-expect-error: an article has more than a title
    void articles.put({ title: "Emma" });
    // @ts-expect-error: no such property
    void articles.put({ ...draft, subtitle: "A novel" });
    // @ts-expect-error: no such property in one of many
    void articles.putBulk([{ ...draft, subtitle: "A novel" }]);
    // @ts-expect-error: no such property
    void articles.insert({ ...draft, subtitle: "A novel" });
    // @ts-expect-error: a title is a text
    void articles.put({ ...draft, title: 3 });
    // @ts-expect-error: 64-bit integers are bigints
    void articles.put({ ...draft, views: 3 });
    // @ts-expect-error: bytes are no text
    void articles.put({ ...draft, cover: "iVBORw0KGgo=" });
    // @ts-expect-error: a list of numbers is no vector
    void articles.put({ ...draft, vector: [1, 2, 3] });
    // @ts-expect-error: nor is an array of another type
    void articles.put({ ...draft, vector: new Float64Array(3) });
    // @ts-expect-error: a time is no number
    void articles.put({ ...draft, created_at: Date.now() });
    // @ts-expect-error: a title is never null
    void articles.put({ ...draft, title: null });
    // @ts-expect-error: a property that may be null has to be given all the same
    void articles.put({ ...draft, rating: undefined });
    // @ts-expect-error: an optional property is not for null
    void articles.put({ ...draft, note: null });
  });

  test("are changed column by column", () => {
    void articles.update({ id: 1 }, { title: "Emma", note: undefined, rating: null });
    void articles.update({ id: 1 }, { views: 2n }, { expect: { views: 1n, published: false } });
    // @ts-expect-error: no such column
    void articles.update({ id: 1 }, { subtitle: "A novel" });
    // @ts-expect-error: a value of another type
    void articles.update({ id: 1 }, { published: "yes" });
    // @ts-expect-error: no such column to compare
    void articles.update({ id: 1 }, { title: "Emma" }, { expect: { subtitle: "A novel" } });
    // @ts-expect-error: a value of another type to compare
    void articles.update({ id: 1 }, { title: "Emma" }, { expect: { views: 1 } });
  });
});

describe("keys", () => {
  test("have the columns that the constructor names", () => {
    expectTypeOf(articles.get).parameter(0).toEqualTypeOf<{ id: number }>();
    expectTypeOf(articles.update).parameter(0).toEqualTypeOf<{ id: number }>();
    expectTypeOf(articles.getMany).parameter(0).toEqualTypeOf<readonly { id: number }[]>();
    expectTypeOf(articles.delete).parameter(0).toEqualTypeOf<{ id: number } | Flat<Article>>();
    void articles.delete(article);
    // @ts-expect-error: not the key
    void articles.get({ title: "Emma" });
    // @ts-expect-error: the key is a number
    void articles.get({ id: "1" });
    // @ts-expect-error: more than the key
    void articles.get({ id: 1, title: "Emma" });
    // @ts-expect-error: a key is an object
    void articles.get(1);
    // @ts-expect-error: no such column
    new InMemoryTabularStorage(schema, ["isbn"] as const);
  });

  test("may have several columns, one of them generated", () => {
    interface Visit {
      site: string;
      page: number;
      visitor: string;
      seconds: number;
    }
    expectTypeOf(visits.get).parameter(0).toEqualTypeOf<Flat<Omit<Visit, "seconds">>>();
    expectTypeOf(visits.put).returns.resolves.toEqualTypeOf<Flat<Visit>>();
    void visits.put({ site: "a", page: 1, seconds: 2 });
    void visits.put({ site: "a", page: 1, visitor: "ann", seconds: 2 });
    // @ts-expect-error: only the visitor is generated
    void visits.put({ site: "a", visitor: "ann", seconds: 2 });
    // @ts-expect-error: half a key
    void visits.get({ site: "a", page: 1 });
    // @ts-expect-error: half a key
    void visits.delete({ site: "a" });
  });
});

describe("queries", () => {
  test("take conditions on columns, with values of their types", () => {
    expectTypeOf(articles.query).parameter(0).toEqualTypeOf<SearchCriteria<Flat<Article>>>();
    void articles.query({ title: "Emma", published: true, rating: null });
    void articles.query({ note: null, views: { operator: ">", value: 3n } });
    void articles.query({ title: { operator: "in", value: ["Emma", "Dracula"] } });
    void articles.query({
      rating: [
        { operator: ">=", value: 2 },
        { operator: "<", value: 4 },
      ],
    });
    // @ts-expect-error: no such column
    void articles.query({ subtitle: "A novel" });
    // @ts-expect-error: no such column
    void articles.count({ subtitle: "A novel" });
    // @ts-expect-error: no such column
    void articles.deleteSearch({ subtitle: "A novel" });
    // @ts-expect-error: no such column
    void articles.getPage({ criteria: { subtitle: "A novel" } });
    // @ts-expect-error: a value of another type
    void articles.query({ title: 3 });
    // @ts-expect-error: a condition with a value of another type
    void articles.query({ views: { operator: ">", value: 3 } });
    // @ts-expect-error: no such operator
    void articles.query({ title: { operator: "like", value: "E%" } });
    // @ts-expect-error: "in" takes a list
    void articles.query({ title: { operator: "in", value: "Emma" } });
    // @ts-expect-error: and no other operator does
    void articles.query({ title: { operator: "=", value: ["Emma"] } });
  });

  test("order by columns and select them", () => {
    const orderBy = [
      { column: "rating", direction: "DESC" },
      { column: "title", direction: "ASC" },
    ] as const;
    void articles.getAll({ orderBy, select: ["id", "title"], limit: 10, offset: 20 });
    void articles.query({ published: true }, { orderBy, select: ["id"] });
    void articles.getPage({ criteria: { published: true }, orderBy, select: ["id"] });
    // @ts-expect-error: no such column
    void articles.getAll({ orderBy: [{ column: "subtitle", direction: "ASC" }] });
    // @ts-expect-error: no such direction
    void articles.getAll({ orderBy: [{ column: "title", direction: "UP" }] });
    // @ts-expect-error: no such column
    void articles.getAll({ select: ["subtitle"] });
    // @ts-expect-error: no such column
    void articles.query({ published: true }, { select: ["subtitle"] });
    // @ts-expect-error: no such column
    void articles.getPage({ orderBy: [{ column: "subtitle", direction: "ASC" }] });
    // @ts-expect-error: no such column
    void articles.getPage({ select: ["subtitle"] });
  });
});

describe("events and changes", () => {
  test("tell listeners what they hear of", () => {
    articles.on("put", (...heard) => expectTypeOf(heard).toEqualTypeOf<[Flat<Article>]>());
    articles.once("get", (...heard) =>
      expectTypeOf(heard).toEqualTypeOf<[{ id: number }, Flat<Article> | undefined]>(),
    );
    articles.on("query", (...heard) =>
      expectTypeOf(heard).toEqualTypeOf<
        [SearchCriteria<Flat<Article>>, Flat<Article>[] | undefined]
      >(),
    );
    articles.on("delete", (...heard) => expectTypeOf(heard).toEqualTypeOf<[{ id: number }]>());
    articles.on("clearall", (...heard) => expectTypeOf(heard).toEqualTypeOf<[]>());
    expectTypeOf(articles.waitOn("put")).resolves.toEqualTypeOf<[Flat<Article>]>();
    // @ts-expect-error: no such event
    articles.on("stored", () => undefined);
    // @ts-expect-error: the listener expects another row
    articles.on("put", (row: { isbn: string }) => row);
    // @ts-expect-error: the listener expects another key
    articles.off("delete", (key: { id: string }) => key);
    // @ts-expect-error: an event without its argument
    articles.emit("delete");
    // @ts-expect-error: an argument of another type
    articles.emit("put", { title: "Emma" });
  });

  test("deliver rows before and after", () => {
    articles.subscribeToChanges((change) => {
      expectTypeOf(change).toEqualTypeOf<TabularChangePayload<Flat<Article>>>();
      expectTypeOf(change.old).toEqualTypeOf<Flat<Article> | undefined>();
      expectTypeOf(change.new).toEqualTypeOf<Flat<Article> | undefined>();
    });
    expectTypeOf(articles.subscribeToChanges(() => undefined).ready).resolves.toBeVoid();
  });
});

describe("the class", () => {
  test("is what the interface declares", () => {
    expectTypeOf(articles).toExtend<ITabularStorage<typeof schema, readonly ["id"]>>();
    expectTypeOf(visits).toExtend<
      ITabularStorage<typeof visitSchema, readonly ["site", "page", "visitor"]>
    >();
    expectTypeOf(articles).not.toExtend<ITabularStorage<typeof schema, readonly ["title"]>>();
    expectTypeOf(visits).not.toExtend<ITabularStorage<typeof schema, readonly ["id"]>>();
  });

  test("gives transactions a handle of its own type", () => {
    void articles.transaction(async (tx) => {
      expectTypeOf(tx).toEqualTypeOf(articles);
      return 3;
    });
    expectTypeOf(articles.transaction(async () => 3)).resolves.toEqualTypeOf<number>();
  });

  test("keeps the schema and the key's names", () => {
    expectTypeOf(articles.schema).toEqualTypeOf<typeof schema>();
    expectTypeOf(visits.primaryKeyNames).toEqualTypeOf<readonly ["site", "page", "visitor"]>();
  });

  test("says who may give generated keys", () => {
    new InMemoryTabularStorage(schema, ["id"] as const, [], "never");
    new InMemoryTabularStorage(schema, ["id"] as const, [], { clientProvidedKeys: "always" });
    // @ts-expect-error: no such choice
    new InMemoryTabularStorage(schema, ["id"] as const, [], "sometimes");
    // @ts-expect-error: no such option
    new InMemoryTabularStorage(schema, ["id"] as const, [], { keys: "always" });
  });
});
