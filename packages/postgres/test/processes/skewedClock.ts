/** Imported first: sets the process's clock off by the ms of the last argument, `clock=MS`. */
const [, offset] = /^clock=(-?\d+)$/.exec(process.argv.at(-1) ?? "") ?? [];
const RealDate = Date;

class SkewedDate extends RealDate {
  public constructor(...args: readonly unknown[]) {
    if (args.length === 0) super(SkewedDate.now());
    else super(...(args as [number]));
  }

  public static override now(): number {
    return RealDate.now() + Number(offset ?? 0);
  }
}

globalThis.Date = SkewedDate as DateConstructor;
