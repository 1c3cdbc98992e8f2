import type { PostgresProgram } from "./PostgresProgram.ts";

/** Settings of postgresql.conf by name. */
export type PostgresSettings = Readonly<Record<string, string | number | boolean>>;

/**
 * As in `pg_ctl stop`: `fast` rolls back what is open and writes everything out, `immediate` is a
 * crash, from which the next start recovers.
 */
export type StopMode = "fast" | "immediate";

/** What a supervisor is asked. */
export type Order =
  | { readonly order: "create"; readonly program: PostgresProgram }
  | { readonly order: "start"; readonly settings: PostgresSettings }
  | { readonly order: "stop"; readonly mode: StopMode }
  | { readonly order: "remove" };

/** What a supervisor answers, once for each order and in their sequence. */
export type Answer =
  | { readonly ok: true; readonly port: number; readonly logFile: string }
  | { readonly ok: false; readonly message: string };
