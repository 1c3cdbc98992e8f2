import { describe, expect, test } from "vitest";
import { createAsyncContext as inBrowser } from "../src/async/asyncContext.browser.ts";
import { createAsyncContext, sleep } from "../src/index.ts";

describe("createAsyncContext", () => {
  test("follows calls across await, each chain with its own value", async () => {
    const context = createAsyncContext<string>();
    expect(context.tracks).toBe(true);
    expect(context.current()).toBeUndefined();
    const chain = (name: string) =>
      context.run(name, async () => {
        await sleep(1);
        const nested = await context.run(`${name}.inner`, async () => {
          await sleep(1);
          return context.current();
        });
        return [nested, context.current()];
      });
    await expect(Promise.all([chain("a"), chain("b")])).resolves.toEqual([
      ["a.inner", "a"],
      ["b.inner", "b"],
    ]);
    expect(context.current()).toBeUndefined();
  });

  test("keeps contexts apart and passes results and errors on", () => {
    const [one, two] = [createAsyncContext<number>(), createAsyncContext<number>()];
    expect(one.run(1, () => [one.current(), two.current()])).toEqual([1, undefined]);
    expect(() =>
      one.run(1, () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(one.current()).toBeUndefined();
  });

  test("in browsers follows nothing and says so", () => {
    const context = inBrowser<string>();
    expect(context.tracks).toBe(false);
    expect(context.run("a", () => [1, context.current()])).toEqual([1, undefined]);
  });
});
