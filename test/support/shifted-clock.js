// For `node --import`: this process lives CLOCK_AHEAD_MS later than the machine, or earlier.
const aheadMs = Number(process.env.CLOCK_AHEAD_MS ?? 0);
const RealDate = Date;
const now = RealDate.now.bind(RealDate);

globalThis.Date = class extends RealDate {
  /** @param {ConstructorParameters<typeof Date> | []} given */
  constructor(...given) {
    super(...(given.length === 0 ? [now() + aheadMs] : given));
  }

  static now() {
    return now() + aheadMs;
  }
};
