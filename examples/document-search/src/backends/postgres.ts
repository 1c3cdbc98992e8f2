import pg from "pg";
import type { LibraryOptions, OpenStorages } from "../library.ts";
import { postgresStorages } from "./postgresStorages.ts";

/** @throws Error without a usable URL; its message does not repeat the URL, which may hold a password */
export function openServer(options: LibraryOptions): OpenStorages {
  const pool = new pg.Pool({
    connectionString: checkedUrl(options.url),
    application_name: "document-search",
  });
  const storages = postgresStorages(pool, options, { schema: options.place });
  return { storages, close: () => pool.end() };
}

function checkedUrl(url: string | undefined): string {
  if (url === undefined || url === "") {
    throw new Error(
      "Name the server by --url postgres://user:password@host:5432/database, or by DATABASE_URL.",
    );
  }
  if (!URL.canParse(url) || !/^postgres(?:ql)?:$/u.test(new URL(url).protocol)) {
    throw new Error(
      "The URL is none of a PostgreSQL server: postgres://user:password@host:5432/database, with special characters percent-encoded.",
    );
  }
  return url;
}
