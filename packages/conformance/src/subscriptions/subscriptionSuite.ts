import type { Suite } from "../harness.ts";
import { changes, tabularStorage, writable } from "../requirements.ts";
import { deliveryCases } from "./delivery.ts";
import { elsewhereCases } from "./elsewhere.ts";
import { positionCases } from "./positions.ts";
import { subscriberCases } from "./subscribers.ts";

/** Change subscriptions: delivery, subscribers, positions, other writers. */
export const subscriptionSuite: Suite = {
  name: "change subscriptions",
  requires: [tabularStorage, writable, changes],
  cases: [...deliveryCases, ...subscriberCases, ...positionCases, ...elsewhereCases],
};
