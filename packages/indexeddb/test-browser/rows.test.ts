import "../test/cases/calls.ts";
import "../test/cases/generatedKeys.ts";
import "../test/cases/order.ts";
import "../test/cases/recordKeys.ts";
import "../test/cases/select.ts";
import "../test/cases/selectCost.ts";
import "../test/cases/selectWalks.ts";
import "../test/cases/setup.ts";
