import type { Group } from "../../src/measure.ts";
import { byHandQueue } from "../peers/byHandQueue.ts";
import { workglowQueue } from "../peers/workglowQueue.ts";
import { queueContender } from "../queueContender.ts";

export const queueBrowser: Group = {
  name: "Queue, browser",
  goals: [],
  about: () => "durability relaxed",
  open: async () => [
    await queueContender("workglow", await workglowQueue("queue-workglow")),
    await queueContender("by hand", await byHandQueue("queue-by-hand")),
  ],
};
