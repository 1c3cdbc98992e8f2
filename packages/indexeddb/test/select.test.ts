import "fake-indexeddb/auto";
import "./cases/select.ts";
