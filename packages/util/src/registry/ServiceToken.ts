/** Names a service and knows its type. Tokens of the same id are the same. */
export interface ServiceToken<T> {
  readonly id: string;
  /** Carries the type alone; never there at run time. */
  readonly service?: T;
}

export function createServiceToken<T>(id: string): ServiceToken<T> {
  return { id };
}

/** A token, or the id of one. */
export type ServiceKey<T> = ServiceToken<T> | string;

export function serviceId(key: ServiceKey<unknown>): string {
  return typeof key === "string" ? key : key.id;
}
