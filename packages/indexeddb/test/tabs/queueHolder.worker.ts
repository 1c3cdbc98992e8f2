// Claims a job of the queue that it is told, and keeps it.
import { IndexedDbQueueStorage } from "@workglow/indexeddb/job-queue";

addEventListener("message", async ({ data }) => {
  const queue = new IndexedDbQueueStorage<number>(data);
  const job = await queue.next("in a worker");
  postMessage(job?.input);
});
