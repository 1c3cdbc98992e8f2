import "fake-indexeddb/auto";
import "./cases/generatedKeys.ts";
