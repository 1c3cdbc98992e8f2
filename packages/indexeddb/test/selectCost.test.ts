import "fake-indexeddb/auto";
import "./cases/selectCost.ts";
