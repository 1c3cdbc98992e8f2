import { afterEach, expect, test, vi } from "vitest";
import { getLogger, setLogger } from "../src/index.ts";

const original = getLogger();

afterEach(() => {
  setLogger(original);
  vi.restoreAllMocks();
});

test("the first logger writes warnings and errors to the console, nothing else", () => {
  const spies = (["debug", "info", "log", "warn", "error"] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(() => {}),
  );
  const logger = getLogger();
  logger.debug("d");
  logger.info("i");
  logger.warn("w");
  logger.error("e", { id: 1 });
  expect(spies.map((spy) => spy.mock.calls)).toEqual([[], [], [], [["w"]], [["e", { id: 1 }]]]);
});

test("setLogger replaces the logger", () => {
  const mine = { debug() {}, info() {}, warn: vi.fn(), error() {} };
  setLogger(mine);
  getLogger().warn("careful", 1);
  expect(mine.warn).toHaveBeenCalledWith("careful", 1);
});
