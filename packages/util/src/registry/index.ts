export { Container, globalContainer, type ServiceFactory } from "./Container.ts";
export {
  compactSchemaInputs,
  type InputCompactor,
  type InputResolutionOptions,
  type InputResolver,
  registerInputCompactor,
  registerInputResolver,
  resolveSchemaInputs,
} from "./inputResolution.ts";
export { globalServiceRegistry, ServiceRegistry } from "./ServiceRegistry.ts";
export { createServiceToken, type ServiceKey, type ServiceToken } from "./ServiceToken.ts";
