export { type EventArguments, EventEmitter, type EventListeners } from "./EventEmitter.ts";
