/** Where notifications of the database are heard. */
export interface NotificationSource {
  /**
   * Listens to a channel until the result is called or the connection is lost.
   *
   * @param heard is told what each notification carries
   * @param lost is called once, when nothing more will be heard
   * @returns `undefined` where no connection can be spared
   */
  listen(
    channel: string,
    heard: (payload: string) => void,
    lost: () => void,
  ): Promise<(() => Promise<void>) | undefined>;
}
