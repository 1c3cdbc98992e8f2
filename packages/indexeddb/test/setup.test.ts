import "fake-indexeddb/auto";
import "./cases/setup.ts";
