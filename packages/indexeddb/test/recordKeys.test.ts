import "fake-indexeddb/auto";
import "./cases/recordKeys.ts";
