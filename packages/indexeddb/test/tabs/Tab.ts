import type { Page } from "playwright-core";

/** The functions that a program exports, by name. */
type FunctionsOf<Program> = {
  readonly [Name in keyof Program as Program[Name] extends (...args: never[]) => unknown
    ? Name
    : never]: Program[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

type Outcome =
  | { readonly value: unknown }
  | { readonly error: { name: string; message: string; kind: unknown; stack: unknown } };

/** A browser's tab in which a program is loaded. */
export class Tab<Program> {
  /** For what only Playwright can do, such as its CDP sessions. */
  readonly page: Page;
  /** What the page threw outside of calls. */
  readonly uncaught: readonly Error[];

  /** Loads the program into a page of its origin. Rejects with what its modules throw. */
  static async open<Program>(
    page: Page,
    address: { script: string; page: string },
  ): Promise<Tab<Program>> {
    const tab = new Tab<Program>(page);
    await page.goto(address.page);
    // As text, since vitest would put an import of its own in the place of the page's.
    const script = JSON.stringify(address.script);
    await page.evaluate(`import(${script}).then((program) => { globalThis.program = program; })`);
    return tab;
  }

  private constructor(page: Page) {
    const uncaught: Error[] = [];
    page.on("pageerror", (error) => uncaught.push(error));
    this.page = page;
    this.uncaught = uncaught;
  }

  /**
   * Calls a function that the program exports. Arguments and results are copies: JSON, undefined,
   * bigints, dates and typed arrays come through.
   *
   * @throws an Error with the name, message and kind of what the function threw; Playwright's where
   *   the tab or its browser has ended.
   */
  async call<Name extends keyof FunctionsOf<Program> & string>(
    name: Name,
    ...args: Parameters<FunctionsOf<Program>[Name]>
  ): Promise<Awaited<ReturnType<FunctionsOf<Program>[Name]>>> {
    const outcome = await this.page.evaluate(callInPage, { name: name as string, args });
    if ("value" in outcome) {
      return outcome.value as Awaited<ReturnType<FunctionsOf<Program>[Name]>>;
    }
    throw Object.assign(new Error(outcome.error.message), outcome.error);
  }

  /** As a user closes it: without a word to the page, whatever it is doing. */
  async close(): Promise<void> {
    await this.page.close();
  }
}

/** Runs in the page, and so can refer to nothing but its argument. */
async function callInPage(call: { name: string; args: readonly unknown[] }): Promise<Outcome> {
  type Functions = Record<string, ((...args: readonly unknown[]) => unknown) | undefined>;
  const fn = (globalThis as unknown as { program: Functions }).program[call.name];
  if (!fn) throw new TypeError(`The program exports no "${call.name}".`);
  try {
    return { value: await fn(...call.args) };
  } catch (thrown) {
    const { name, message, kind, stack } = (thrown ?? {}) as Record<string, unknown>;
    return {
      error: { name: String(name), message: String(message ?? thrown), kind, stack },
    };
  }
}
