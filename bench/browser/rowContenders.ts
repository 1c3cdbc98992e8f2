import type { Contender } from "../src/measure.ts";
import { rowContender } from "./rowContender.ts";
import type { OpenRowStore, RowStoreOptions } from "./rowStore.ts";

/** Opens each store in a database of its own, by the contenders' names. */
export async function rowContenders(
  stores: Readonly<Record<string, OpenRowStore>>,
  { withAge }: Pick<RowStoreOptions, "withAge">,
): Promise<readonly Contender[]> {
  const contenders: Contender[] = [];
  for (const [name, open] of Object.entries(stores)) {
    const database = `rows-${name.replaceAll(" ", "-")}`;
    contenders.push(await rowContender(name, await open({ database, withAge })));
  }
  return contenders;
}
