import type pg from "pg";

/**
 * Grants a role what everything but set-up needs, for all storages of a schema, as the
 * documentation lists it.
 */
export async function grantUse(admin: pg.Client, schema: string, role: string): Promise<void> {
  await admin.query(`
    GRANT USAGE ON SCHEMA ${schema} TO ${role};
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
    GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`);
}
