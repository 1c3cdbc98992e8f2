import { StorageError } from "./StorageError.ts";

/** Nothing is registered under an id. Code `SERVICE_NOT_REGISTERED`. */
export class ServiceNotRegisteredError extends StorageError {
  override get name(): string {
    return "ServiceNotRegisteredError";
  }

  readonly serviceId: string;

  constructor(serviceId: string) {
    super(`Service not registered: ${serviceId}`, {
      kind: "invalid",
      code: "SERVICE_NOT_REGISTERED",
    });
    this.serviceId = serviceId;
  }
}

/**
 * The factory of a service asks, directly or through others, for the service itself.
 * `chain` starts and ends with its id. Code `CIRCULAR_DEPENDENCY`.
 */
export class CircularDependencyError extends StorageError {
  override get name(): string {
    return "CircularDependencyError";
  }

  readonly chain: readonly string[];

  constructor(chain: readonly string[]) {
    super(`Circular dependency: ${chain.join(" → ")}`, {
      kind: "invalid",
      code: "CIRCULAR_DEPENDENCY",
    });
    this.chain = [...chain];
  }
}
