import "fake-indexeddb/auto";
import "./cases/vectorStorage.ts";
