import { StorageTransactionError } from "@workglow/util";

export function transactionEnded(): StorageTransactionError {
  return new StorageTransactionError("the transaction of this handle has ended");
}
