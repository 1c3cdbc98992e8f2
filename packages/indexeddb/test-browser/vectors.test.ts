import "../test/cases/vectorLog.ts";
import "../test/cases/vectorModel.ts";
import "../test/cases/vectorStorage.ts";
