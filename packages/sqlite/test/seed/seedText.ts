import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const fixtures = join(import.meta.dirname, "fixtures");
/** Lies beside the repository where the project's brief is at hand. */
const seeds = join(import.meta.dirname, "../../../../../shared/seeds");

/** The code blocks of the first seed, in their order; `undefined` where its text is not at hand. */
export function seedBlocks(): readonly string[] | undefined {
  if (!existsSync(seeds)) return undefined;
  const file = readdirSync(seeds).find((name) => name.startsWith("000_"));
  if (file === undefined) return undefined;
  const text = readFileSync(join(seeds, file), "utf8");
  return [...text.matchAll(/```typescript\s(?<code>.*?)```/gsu)].map((m) => m.groups?.code ?? "");
}

/** The numbers of the blocks that have a reconstruction. */
export function reconstructedBlocks(): readonly number[] {
  return readdirSync(fixtures).map((name) => Number(/^block-(\d\d)\.ts$/u.exec(name)?.[1]));
}

/** The reconstruction of a block, without the fixtures around it. */
export function reconstruction(block: number): string {
  const file = join(fixtures, `block-${String(block).padStart(2, "0")}.ts`);
  const regions = readFileSync(file, "utf8").matchAll(
    /^ *\/\/ #region seed\n(?<code>.*?)^ *\/\/ #endregion$/gmsu,
  );
  return [...regions].map((match) => match.groups?.code ?? "").join("");
}

/**
 * What is left of code when it loses what the seed's text lost on its way into one line of plain
 * text: line breaks, and what was taken for a tag, from `<` and a letter to the next `>`.
 */
export function inOneLine(code: string): string {
  return (
    code
      .replaceAll(/<[A-Za-z][^>]*>/gu, "")
      .replaceAll("<...>", "")
      .replaceAll(/\s/gu, "")
      // Ends of generics whose beginning was taken away; strings and arrows keep theirs.
      .replaceAll(/(?<kept>"[^"]*"|=>)|[<>]/gu, "$<kept>")
      .replaceAll(/,(?=[)\]}])/gu, "")
  );
}
