import { SqliteTabularStorage } from "@workglow/sqlite";
import { openFile, type SqliteDriverName } from "../openFile.ts";

// Sets a table up at the moment it is told, together with its rivals, and writes to it.
const [driver, path, name] = process.argv.slice(2) as [SqliteDriverName, string, string];

const schema = {
  type: "object",
  properties: {
    id: { type: "integer", "x-auto-generated": true },
    writer: { type: "string" },
    added: { type: "integer" },
  },
  required: ["id", "writer"],
  additionalProperties: false,
} as const;

process.on("message", async () => {
  const handle = openFile(driver, path);
  const table = new SqliteTabularStorage(
    handle,
    "rows",
    schema,
    ["id"] as const,
    ["writer", "added"],
    {
      migrations: [{ version: 1, steps: [{ transform: (row) => ({ ...row, added: 1 }) }] }],
    },
  );
  await table.setupDatabase();
  for (let i = 0; i < 25; i++) await table.put({ writer: name });
  handle.close();
  process.send?.("done");
  process.disconnect?.();
});
process.send?.("ready");
