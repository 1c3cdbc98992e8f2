import {
  createServiceToken,
  globalServiceRegistry,
  registerInputCompactor,
  registerInputResolver,
  type ServiceRegistry,
  type ServiceToken,
  StorageValidationError,
} from "@workglow/util";

/** The storages of one kind by id, for tasks that name a storage in their input. */
export interface RepositoryRegistry<Storage extends object> {
  /** Under which a service registry holds the storages. */
  readonly token: ServiceToken<Map<string, Storage>>;
  /** The storages that all programs of this process see, by id. */
  getGlobal(): Map<string, Storage>;
  /** Puts a storage into the global registry; an id that is there already is replaced. */
  register(id: string, storage: Storage): void;
  /** The storage of the global registry with that id, if there is one. */
  get(id: string): Storage | undefined;
}

export interface RepositoryRegistryOptions {
  /** The schema format by which inputs name such a storage, e.g. `storage:tabular`. */
  readonly format: string;
  /** The id of the token, e.g. `storage.tabular.repositories`. */
  readonly tokenId: string;
  /** What errors call such a storage, e.g. `Tabular storage`. */
  readonly label: string;
}

/**
 * Makes the registry of a kind of storage and teaches input resolution its format: ids are looked
 * up in the registry that is given, then in the global one, and instances become ids again.
 */
export function createRepositoryRegistry<Storage extends object>(
  options: RepositoryRegistryOptions,
): RepositoryRegistry<Storage> {
  const { format, label } = options;
  const token = createServiceToken<Map<string, Storage>>(options.tokenId);
  const getGlobal = (): Map<string, Storage> => {
    globalServiceRegistry.registerIfAbsent(token, () => new Map<string, Storage>());
    return globalServiceRegistry.get(token);
  };
  const reachable = (registry: ServiceRegistry): Map<string, Storage>[] =>
    registry.has(token) ? [registry.get(token), getGlobal()] : [getGlobal()];

  const find = (id: string, registry: ServiceRegistry): Storage | undefined => {
    for (const storages of reachable(registry)) {
      const storage = storages.get(id);
      if (storage !== undefined) return storage;
    }
    return undefined;
  };

  registerInputResolver(format, (id, _format, registry) => {
    const storage = find(id, registry);
    if (storage !== undefined) return storage;
    throw new StorageValidationError(`${label} "${id}" not found in registry`, {
      code: "UNKNOWN_ID",
    });
  });
  registerInputCompactor(format, (instance, _format, registry) => {
    const ids = reachable(registry).flatMap((storages) => [...storages.keys()]);
    // A global id may stand for another storage in the registry that is given.
    return ids.find((id) => find(id, registry) === instance);
  });

  return {
    token,
    getGlobal,
    register: (id, storage) => void getGlobal().set(id, storage),
    get: (id) => getGlobal().get(id),
  };
}
