import type { ServiceToken } from "@workglow/util";
import { createRepositoryRegistry } from "../registry/createRepositoryRegistry.ts";
import type { AnyVectorStorage } from "./IVectorStorage.ts";

const registry = createRepositoryRegistry<AnyVectorStorage>({
  format: "storage:vector",
  tokenId: "storage.vector.repositories",
  label: "Vector storage",
});

/** The vector storages by id, for inputs of format `storage:vector`. */
export const VECTOR_REPOSITORIES: ServiceToken<Map<string, AnyVectorStorage>> = registry.token;

/** The vector storages that the whole process sees, by id. */
export function getGlobalVectorRepositories(): Map<string, AnyVectorStorage> {
  return registry.getGlobal();
}

/** Registers a vector storage for the whole process; an id that is there already is replaced. */
export function registerVectorRepository(id: string, storage: AnyVectorStorage): void {
  registry.register(id, storage);
}

export function getVectorRepository(id: string): AnyVectorStorage | undefined {
  return registry.get(id);
}
