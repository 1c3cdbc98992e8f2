import "fake-indexeddb/auto";
import "./cases/vectorModel.ts";
