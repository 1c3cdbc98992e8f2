/**
 * How far two cosines that a database sums in float32 can be apart the wrong way round. A sum of n
 * products is off by at most n · 2^-24 of what it would be without signs, the two lengths by half of
 * that each; the rest are single roundings, of the components too.
 */
export function nominationMargin(dimensions: number): number {
  return 2 * (2 * dimensions + 8) * 2 ** -24;
}
