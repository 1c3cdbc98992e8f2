import "fake-indexeddb/auto";
import "./cases/selectWalks.ts";
