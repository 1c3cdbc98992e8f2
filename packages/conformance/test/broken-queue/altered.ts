import type { Transaction } from "@workglow/storage";

interface JoinsTransactions {
  with(tx: Transaction): unknown;
}

/** Some methods of a storage, done differently. */
export type Alteration<Storage> = (storage: Storage) => Partial<Storage>;

/** The storage with some of its methods replaced, in its transaction views too. */
export function altered<Storage extends JoinsTransactions>(
  storage: Storage,
  alteration: Alteration<Storage>,
): Storage {
  const replaced = alteration(storage);
  return new Proxy(storage, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return replaced[name as keyof Storage];
      if (name === "with") {
        return (tx: Transaction) => altered(target.with(tx) as Storage, alteration);
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
