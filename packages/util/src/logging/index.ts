export { getLogger, type Logger, setLogger } from "./logger.ts";
