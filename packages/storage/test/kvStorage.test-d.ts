import { type IKvStorage, InMemoryKvStorage, type KvViaTabularStorage } from "@workglow/storage";
import type { JSONValue } from "@workglow/util";
import { expectTypeOf, test } from "vitest";

interface Setting {
  theme: string;
  size: number;
}
interface Entry {
  key: string;
  value: Setting;
}
type Flat<T> = { [Name in keyof T]: T[Name] };

const settings = new InMemoryKvStorage<string, Setting>();
const scores = new InMemoryKvStorage<number, boolean | null>();
const untyped = new InMemoryKvStorage();

test("keys are texts and values anything unless told otherwise", () => {
  expectTypeOf(untyped.get).parameter(0).toEqualTypeOf<string>();
  expectTypeOf(untyped.get).returns.resolves.toBeAny();
  expectTypeOf(untyped).toExtend<IKvStorage>();
  // @ts-expect-error: a key is a text
  void untyped.get(1);
});

test("values and entries are what the type arguments say", () => {
  expectTypeOf(settings.put).parameter(1).toEqualTypeOf<Setting>();
  expectTypeOf(settings.get).returns.resolves.toEqualTypeOf<Setting | undefined>();
  expectTypeOf(settings.getMany).returns.resolves.toEqualTypeOf<Flat<Entry>[]>();
  expectTypeOf(settings.getAll).returns.resolves.toEqualTypeOf<Flat<Entry>[] | undefined>();
  expectTypeOf(settings.keys).returns.toEqualTypeOf<AsyncGenerator<string>>();
  expectTypeOf(settings.entries).returns.toEqualTypeOf<AsyncGenerator<Flat<Entry>>>();
  expectTypeOf(settings.has).returns.resolves.toEqualTypeOf<boolean>();
  expectTypeOf(scores.get).parameter(0).toEqualTypeOf<number>();
  expectTypeOf(scores.get).returns.resolves.toEqualTypeOf<boolean | null | undefined>();
  expectTypeOf(scores.keys).returns.toEqualTypeOf<AsyncGenerator<number>>();
});

test("puts of another shape do not compile", () => {
  void settings.put("a", { theme: "dark", size: 1 }, { expect: { theme: "light", size: 1 } });
  void settings.putBulk([{ key: "a", value: { theme: "dark", size: 1 } }]);
  void settings.putBulk(new Set([{ key: "a", value: { theme: "dark", size: 1 } }]));
  // @ts-expect-error: a setting has a size
  void settings.put("a", { theme: "dark" });
  // @ts-expect-error: no such property
  void settings.put("a", { theme: "dark", size: 1, colour: "red" });
  // @ts-expect-error: a size is a number
  void settings.put("a", { theme: "dark", size: "1" });
  // @ts-expect-error: a setting is never null
  void settings.put("a", null);
  // @ts-expect-error: a key is a text
  void settings.put(1, { theme: "dark", size: 1 });
  // @ts-expect-error: the value to compare with is a setting too
  void settings.put("a", { theme: "dark", size: 1 }, { expect: { theme: "light" } });
  // @ts-expect-error: an entry needs a value
  void settings.putBulk([{ key: "a" }]);
  // @ts-expect-error: one of the entries is no setting
  void settings.putBulk([{ key: "a", value: 3 }]);
});

test("keys of another type do not compile", () => {
  void scores.getMany([1, 2]);
  void scores.keys({ gte: 1, lt: 10, reverse: true, limit: 3 });
  // @ts-expect-error: a key is a number
  void scores.get("1");
  // @ts-expect-error: a key is a number
  void scores.getMany(["1"]);
  // @ts-expect-error: a key is a number
  void scores.has("1");
  // @ts-expect-error: a key is a number
  void scores.delete("1");
  // @ts-expect-error: a key is a number
  void scores.deleteMany(["1"]);
  // @ts-expect-error: a bound is a key
  void scores.keys({ gte: "1" });
  // @ts-expect-error: a bound is a key
  void scores.entries({ lt: "1" });
  // @ts-expect-error: keys are texts or numbers
  new InMemoryKvStorage<Date>();
});

test("listeners are told what they hear of", () => {
  settings.on("put", (...heard) => expectTypeOf(heard).toEqualTypeOf<[string, Setting]>());
  settings.once("get", (...heard) =>
    expectTypeOf(heard).toEqualTypeOf<[string, Setting | undefined]>(),
  );
  settings.on("getAll", (...heard) =>
    expectTypeOf(heard).toEqualTypeOf<[Flat<Entry>[] | undefined]>(),
  );
  settings.on("delete", (...heard) => expectTypeOf(heard).toEqualTypeOf<[string]>());
  settings.on("deleteall", (...heard) => expectTypeOf(heard).toEqualTypeOf<[]>());
  scores.on("delete", (...heard) => expectTypeOf(heard).toEqualTypeOf<[number]>());
  expectTypeOf(settings.waitOn("put")).resolves.toEqualTypeOf<[string, Setting]>();
  // @ts-expect-error: no such event
  settings.on("clearall", () => undefined);
  // @ts-expect-error: the listener expects another key
  settings.on("delete", (key: number) => key);
  // @ts-expect-error: the listener expects another value
  settings.off("put", (_key: string, value: number) => value);
  // @ts-expect-error: an event without its value
  settings.emit("put", "a");
});

test("the classes are what the interface declares", () => {
  expectTypeOf(settings).toExtend<IKvStorage<string, Setting>>();
  expectTypeOf(scores).toExtend<IKvStorage<number, boolean | null>>();
  expectTypeOf<KvViaTabularStorage<string, Setting>>().toExtend<IKvStorage<string, Setting>>();
  expectTypeOf(settings).not.toExtend<IKvStorage<number, Setting>>();
  expectTypeOf(settings).not.toExtend<IKvStorage<string, string>>();
  expectTypeOf(settings.with).returns.toEqualTypeOf(settings);
});

test("only JSON has an id", () => {
  expectTypeOf(settings.getObjectAsIdString).parameter(0).toEqualTypeOf<JSONValue>();
  expectTypeOf(settings.getObjectAsIdString).returns.resolves.toEqualTypeOf<string>();
  // @ts-expect-error: a function is no JSON
  void settings.getObjectAsIdString(() => 1);
});
