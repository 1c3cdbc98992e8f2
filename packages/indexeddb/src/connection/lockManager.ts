/** The Web Locks of this origin, `undefined` where there are none (older Node, pages without TLS). */
export function lockManager(): LockManager | undefined {
  const { navigator } = globalThis as { readonly navigator?: { readonly locks?: LockManager } };
  return navigator?.locks;
}
