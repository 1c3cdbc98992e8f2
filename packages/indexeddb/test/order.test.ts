import "fake-indexeddb/auto";
import "./cases/order.ts";
