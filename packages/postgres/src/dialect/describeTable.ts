import type {
  DescribedColumn,
  DescribedIndex,
  DescribedTable,
  SqlProgram,
  SqlRow,
} from "@workglow/storage/sql";

/** The collations that compare by code point, under one name. */
const COLUMNS = `SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
  CASE WHEN l.oid IS NULL THEN NULL
    WHEN l.collname IN ('C', 'POSIX', 'ucs_basic', 'pg_c_utf8') THEN 'C'
    WHEN l.collname <> 'default' THEN l.collname
    WHEN to_jsonb(d) ->> 'datlocprovider' = 'b' THEN 'C'
    WHEN coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c' AND d.datcollate IN ('C', 'POSIX', 'C.UTF-8', 'C.utf8') THEN 'C'
  END,
  a.attnotnull, coalesce(array_position(k.conkey, a.attnum), 0)
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_database AS d ON d.datname = current_database()
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_collation AS l ON l.oid = a.attcollation
LEFT JOIN pg_catalog.pg_constraint AS k ON k.conrelid = c.oid AND k.contype = 'p'
WHERE c.oid = to_regclass($1::text) AND c.relkind IN ('r', 'p')
ORDER BY a.attnum`;

/**
 * One row for each column of each index but the key's. An index is plain where it is a valid B-tree
 * over all rows, of columns in their own collations, and can check a unique constraint at once.
 */
const INDEXES = `SELECT c.relname, i.indisunique, a.attname, a.attnotnull, k.flags,
  m.amname = 'btree' AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
    AND NOT coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false)
    AND a.attname IS NOT NULL AND k.collated = a.attcollation AND o.opcdefault
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_am AS m ON m.oid = c.relam
CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indoption::int2[], i.indcollation::oid[], i.indclass::oid[])
  WITH ORDINALITY AS k (attnum, flags, collated, opclass, place)
JOIN pg_catalog.pg_opclass AS o ON o.oid = k.opclass
LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = to_regclass($1::text) AND NOT i.indisprimary AND k.place <= i.indnkeyatts
ORDER BY c.relname, k.place`;

const DESCENDING = 1;
const NULLS_FIRST = 2;

/** @param qualified the quoted name, with the schema where the search path is not to find it */
export function* describeTable(qualified: string): SqlProgram<DescribedTable | undefined> {
  const { rows } = yield { text: COLUMNS, params: [qualified] };
  const [first] = rows;
  if (first === undefined) return undefined;
  const indexRows = (yield { text: INDEXES, params: [qualified] }).rows;
  return {
    name: String(first[0]),
    // A table may have no columns at all.
    columns: rows.filter(([, name]) => name !== null).map(describedColumn),
    indexes: describedIndexes(indexRows),
  };
}

function describedColumn([, name, type, collation, notNull, keyPosition]: SqlRow): DescribedColumn {
  return {
    name: String(name),
    declaredType: declaredType(String(type), collation as string | null),
    nullable: Number(notNull) === 0,
    keyPosition: Number(keyPosition),
  };
}

function declaredType(type: string, collation: string | null): string {
  const spelled = type.replace(/^timestamp(\(\d\))? with time zone/, "timestamptz$1");
  return collation === null ? spelled : `${spelled} COLLATE "${collation}"`;
}

function describedIndexes(rows: readonly SqlRow[]): readonly DescribedIndex[] {
  const byName = new Map<string, SqlRow[]>();
  for (const row of rows) {
    const name = String(row[0]);
    byName.set(name, [...(byName.get(name) ?? []), row]);
  }
  return [...byName].map(([name, columns]) => {
    const unique = columns.every((row) => Number(row[1]) === 1);
    return {
      name,
      columns: columns.flatMap(([, , column]) => (column === null ? [] : String(column))),
      unique,
      plain: columns.every((row) => Number(row[5]) === 1) && (unique || isReadInOrder(columns)),
    };
  });
}

/** Whether the index, read forwards or backwards, gives the order of `SqlDialect.orderTerm`. */
function isReadInOrder(columns: readonly SqlRow[]): boolean {
  const forwards = columns.every(
    ([, , , notNull, option]) => Number(option) === (Number(notNull) === 1 ? 0 : NULLS_FIRST),
  );
  const backwards = columns.every(
    ([, , , notNull, option]) =>
      Number(option) === (Number(notNull) === 1 ? DESCENDING | NULLS_FIRST : DESCENDING),
  );
  return forwards || backwards;
}
