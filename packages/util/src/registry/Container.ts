import { CircularDependencyError, ServiceNotRegisteredError } from "../errors/ServiceError.ts";
import { disposeService } from "./disposeService.ts";
import { type ServiceKey, serviceId } from "./ServiceToken.ts";

/** Makes a service; takes what it needs from the container that it was registered with. */
export type ServiceFactory<T> = (container: Container) => T;

interface Registration {
  readonly factory: ServiceFactory<unknown>;
  readonly singleton: boolean;
  /** Made by the factory, or given. */
  made?: { readonly instance: unknown };
}

interface Step {
  readonly container: Container;
  readonly id: string;
}

/** The services being made at the moment, the outermost first. Factories are synchronous. */
const underway: Step[] = [];

/**
 * Services by id, made when they are first asked for. A child asks its parent for what it has not
 * got itself; a singleton belongs to the container that it was registered with.
 */
export class Container {
  private readonly parent: Container | undefined;
  private readonly registrations = new Map<string, Registration>();
  /** Singletons made by factories, in the order in which they were finished. */
  private owned: unknown[] = [];

  constructor(parent?: Container) {
    this.parent = parent;
  }

  /** Registers a factory in place of whatever the id stood for. */
  register<T>(key: ServiceKey<T>, factory: ServiceFactory<T>, singleton = true): void {
    this.registrations.set(serviceId(key), { factory, singleton });
  }

  /** Registers a service that is there already; the container does not dispose of it. */
  registerInstance<T>(key: ServiceKey<T>, instance: T): void {
    const factory = () => instance;
    this.registrations.set(serviceId(key), { factory, singleton: true, made: { instance } });
  }

  /**
   * @throws ServiceNotRegisteredError; CircularDependencyError where a factory leads back to itself;
   * whatever the factory throws
   */
  get<T>(key: ServiceKey<T>): T {
    const id = serviceId(key);
    const holder = this.holderOf(id);
    if (holder === undefined) throw new ServiceNotRegisteredError(id);
    return holder.resolve(id) as T;
  }

  has(key: ServiceKey<unknown>): boolean {
    return this.holderOf(serviceId(key)) !== undefined;
  }

  /** A container of its own that falls back to this one. Dispose of it before this one. */
  createChild(): Container {
    return new Container(this);
  }

  /**
   * Forgets all registrations and disposes of the singletons that factories made, the latest
   * first, by the first of `[Symbol.asyncDispose]`, `[Symbol.dispose]`, `destroy` and `dispose`
   * that they have. Parent and children are left alone.
   *
   * @throws what the only failing service threw, or an AggregateError of all; the others are
   * disposed of nonetheless
   */
  async dispose(): Promise<void> {
    const owned = this.owned.reverse();
    this.owned = [];
    this.registrations.clear();
    const errors: unknown[] = [];
    for (const service of owned) {
      try {
        await disposeService(service);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "Several services failed to dispose");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  private holderOf(id: string): Container | undefined {
    return this.registrations.has(id) ? this : this.parent?.holderOf(id);
  }

  private resolve(id: string): unknown {
    const registration = this.registrations.get(id) as Registration;
    if (registration.made) return registration.made.instance;
    this.refuseCycle(id);
    underway.push({ container: this, id });
    try {
      const instance = registration.factory(this);
      if (registration.singleton) {
        registration.made = { instance };
        this.owned.push(instance);
      }
      return instance;
    } finally {
      underway.pop();
    }
  }

  private refuseCycle(id: string): void {
    const start = underway.findIndex((step) => step.container === this && step.id === id);
    if (start < 0) return;
    throw new CircularDependencyError([...underway.slice(start).map((step) => step.id), id]);
  }
}

/** The container behind `globalServiceRegistry`. */
export const globalContainer: Container = /* @__PURE__ */ new Container();
