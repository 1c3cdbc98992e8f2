import type { ServiceToken } from "@workglow/util";
import { createRepositoryRegistry } from "../registry/createRepositoryRegistry.ts";
import type { AnyTabularStorage } from "./ITabularStorage.ts";

const registry = createRepositoryRegistry<AnyTabularStorage>({
  format: "storage:tabular",
  tokenId: "storage.tabular.repositories",
  label: "Tabular storage",
});

/** The tabular storages by id, for inputs of format `storage:tabular`. */
export const TABULAR_REPOSITORIES: ServiceToken<Map<string, AnyTabularStorage>> = registry.token;

/** The tabular storages that the whole process sees, by id. */
export function getGlobalTabularRepositories(): Map<string, AnyTabularStorage> {
  return registry.getGlobal();
}

/** Registers a tabular storage for the whole process; an id that is there already is replaced. */
export function registerTabularRepository(id: string, storage: AnyTabularStorage): void {
  registry.register(id, storage);
}

export function getTabularRepository(id: string): AnyTabularStorage | undefined {
  return registry.get(id);
}
