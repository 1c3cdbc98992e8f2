type Disposal = (this: unknown) => unknown;

/** Ends a service by the first way to do so that it has; a promised one once it is there. */
export async function disposeService(service: unknown): Promise<void> {
  const instance = service instanceof Promise ? await settled(service) : service;
  await disposalOf(instance)?.call(instance);
}

/** A service whose making failed has nothing to dispose of; its users were told. */
function settled(service: Promise<unknown>): Promise<unknown> {
  return service.catch(() => undefined);
}

function disposalOf(instance: unknown): Disposal | undefined {
  if (instance === null || (typeof instance !== "object" && typeof instance !== "function")) {
    return undefined;
  }
  const members = instance as Record<PropertyKey, unknown>;
  // Older browsers lack the symbols.
  const names = [Symbol.asyncDispose, Symbol.dispose, "destroy", "dispose"] as const;
  for (const name of names) {
    if (name !== undefined && typeof members[name] === "function") return members[name] as Disposal;
  }
  return undefined;
}
