import "fake-indexeddb/auto";
import "./cases/calls.ts";
