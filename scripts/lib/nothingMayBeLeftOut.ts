/** Whether what cannot run on this machine is a failure, as it is in CI. */
export function nothingMayBeLeftOut(): boolean {
  const isSet = (value: string | undefined) => !["", "0", "false", undefined].includes(value);
  return isSet(process.env.CI) || isSet(process.env.WORKGLOW_RUN_ALL);
}
