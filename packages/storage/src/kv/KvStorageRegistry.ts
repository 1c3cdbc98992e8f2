import type { ServiceToken } from "@workglow/util";
import { createRepositoryRegistry } from "../registry/createRepositoryRegistry.ts";
import type { AnyKvStorage } from "./IKvStorage.ts";

const registry = createRepositoryRegistry<AnyKvStorage>({
  format: "storage:kv",
  tokenId: "storage.kv.repositories",
  label: "KV storage",
});

/** The key-value storages by id, for inputs of format `storage:kv`. */
export const KV_REPOSITORIES: ServiceToken<Map<string, AnyKvStorage>> = registry.token;

/** The key-value storages that the whole process sees, by id. */
export function getGlobalKvRepositories(): Map<string, AnyKvStorage> {
  return registry.getGlobal();
}

/** Registers a key-value storage for the whole process; an id that is there already is replaced. */
export function registerKvRepository(id: string, storage: AnyKvStorage): void {
  registry.register(id, storage);
}

export function getKvRepository(id: string): AnyKvStorage | undefined {
  return registry.get(id);
}
