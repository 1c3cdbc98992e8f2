/** What a page of the manual does when its examples run. */
export interface PageProgram {
  /** One module: the page's `ts` blocks in order, their imports first. */
  readonly source: string;
  /** The lines that the page says it prints: its `// → …` comments, in order. */
  readonly output: readonly string[];
  readonly blocks: number;
}

const BLOCK = /^```ts\n(?<code>[\s\S]*?)^```$/gmu;
const IMPORT = /^import (?:[^;]*? from )?"[^"]+";\n?/gmu;
const OUTPUT = /\/\/ → (?<line>.*)$/gmu;

/**
 * Joins the examples of a page. All blocks of a page are one program, so that a later example may
 * use what an earlier one made; an import that is repeated for the reader's sake counts once.
 */
export function pageProgram(markdown: string): PageProgram {
  const imports = new Map<string, string>();
  const bodies: string[] = [];
  const output: string[] = [];
  for (const { groups } of markdown.matchAll(BLOCK)) {
    const code = groups?.code ?? "";
    for (const [statement] of code.matchAll(IMPORT)) addImport(imports, statement.trim());
    bodies.push(code.replaceAll(IMPORT, ""));
    for (const match of code.matchAll(OUTPUT)) output.push(match.groups?.line?.trimEnd() ?? "");
  }
  const source = [...imports.values(), ...bodies, "export {};"].join("\n");
  return { source, output, blocks: bodies.length };
}

/** Adds the names of an import that earlier blocks have not imported yet. */
function addImport(imports: Map<string, string>, statement: string): void {
  const named = /^import (?<type>type )?\{(?<names>[^}]*)\} from (?<from>"[^"]+");$/su.exec(
    statement,
  );
  if (named?.groups === undefined) {
    imports.set(statement, statement);
    return;
  }
  const { type = "", names = "", from } = named.groups;
  for (const name of names.split(",").map((part) => part.trim())) {
    if (name === "") continue;
    imports.set(`${name} ${from}`, `import ${type}{ ${name} } from ${from};`);
  }
}
