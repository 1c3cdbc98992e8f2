import type { CaseContext, TabularSpec, TestTabular, Unnamed } from "../harness.ts";

export const prefixes = [
  { name: "user_id", type: "uuid" },
  { name: "project", type: "number" },
] as const;

export type Spec = Unnamed<TabularSpec>;

/** The same table as seen by one tenant. */
export function tenantOf<S extends Spec>(spec: S, user_id: string, project: number): S {
  const options = { ...spec.options, prefixes, prefixValues: { user_id, project } };
  return { ...spec, table: "tenants", options };
}

/** Two tenants that differ in one prefix only, so that leaving out either mixes them up. */
export async function tenants(c: CaseContext, spec: Spec): Promise<readonly TestTabular[]> {
  return [
    await c.tabular(tenantOf(spec, "abc-123", 1)),
    await c.tabular(tenantOf(spec, "abc-123", 2)),
    await c.tabular(tenantOf(spec, "other", 1)),
  ];
}
