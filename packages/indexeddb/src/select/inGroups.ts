/** So many requests are on their way together. */
const GROUP = 256;

/** Like `Promise.all` over `items.map(work)`, without sending all requests at the same moment. */
export async function inGroups<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += GROUP) {
    for (const result of await Promise.all(items.slice(at, at + GROUP).map(work))) {
      results.push(result);
    }
  }
  return results;
}
