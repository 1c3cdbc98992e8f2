/**
 * The result of a request. One that fails rejects and leaves its transaction alone: whoever made it
 * decides what becomes of that.
 */
export function request<T>(made: { readonly result: T }): Promise<T> {
  // Requests of two types are never alike, as their listeners' `this` is of the type.
  const of = made as IDBRequest<T>;
  const result = new Promise<T>((resolve, reject) => {
    of.onsuccess = () => resolve(of.result);
    of.onerror = (event) => {
      event.preventDefault();
      // Else it would reach the database's own listeners, as an error that nobody took care of.
      event.stopPropagation();
      reject(of.error);
    };
  });
  // Whoever gave up on a transaction does not wait for the rest of its requests.
  result.catch(ignore);
  return result;
}

function ignore(): void {}
