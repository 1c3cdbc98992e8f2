import { createRepositoryRegistry } from "@workglow/storage";
import type { ServiceToken } from "@workglow/util";
import type { IQueueStorage } from "./IQueueStorage.ts";

const registry = createRepositoryRegistry<IQueueStorage>({
  format: "storage:queue",
  tokenId: "storage.queue.repositories",
  label: "Queue storage",
});

/** The queue storages by id, for inputs of format `storage:queue`. */
export const QUEUE_REPOSITORIES: ServiceToken<Map<string, IQueueStorage>> = registry.token;

/** The queue storages that the whole process sees, by id. */
export function getGlobalQueueRepositories(): Map<string, IQueueStorage> {
  return registry.getGlobal();
}

/** Registers a queue storage for the whole process; an id that is there already is replaced. */
export function registerQueueRepository(id: string, storage: IQueueStorage): void {
  registry.register(id, storage);
}

export function getQueueRepository(id: string): IQueueStorage | undefined {
  return registry.get(id);
}
