import { Container, globalContainer, type ServiceFactory } from "./Container.ts";
import type { ServiceKey } from "./ServiceToken.ts";

/** What programs register their services with and get them from: a typed view of a container. */
export class ServiceRegistry {
  readonly container: Container;

  constructor(container: Container = new Container()) {
    this.container = container;
  }

  /** Registers a factory; by default it is called once, when the service is first asked for. */
  register<T>(key: ServiceKey<T>, factory: ServiceFactory<T>, singleton = true): void {
    this.container.register(key, factory, singleton);
  }

  /** Registers a factory unless the service, here or in a parent container, is there already. */
  registerIfAbsent<T>(key: ServiceKey<T>, factory: ServiceFactory<T>, singleton = true): void {
    if (!this.container.has(key)) this.container.register(key, factory, singleton);
  }

  /** Registers a service that is there already; the registry does not dispose of it. */
  registerInstance<T>(key: ServiceKey<T>, instance: T): void {
    this.container.registerInstance(key, instance);
  }

  /** @throws ServiceNotRegisteredError, CircularDependencyError; whatever the factory throws */
  get<T>(key: ServiceKey<T>): T {
    return this.container.get(key);
  }

  has(key: ServiceKey<unknown>): boolean {
    return this.container.has(key);
  }

  /** Disposes of the container: see `Container.dispose`. */
  dispose(): Promise<void> {
    return this.container.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}

/** The registry used wherever none is given. */
export const globalServiceRegistry: ServiceRegistry = /* @__PURE__ */ new ServiceRegistry(
  globalContainer,
);
