import "fake-indexeddb/auto";
import "./cases/vectorLog.ts";
