/** What every queue's jobs carry. */
export interface BenchInput {
  readonly n: number;
  readonly text: string;
}

export const benchInputs = (count: number): readonly BenchInput[] =>
  Array.from({ length: count }, (_, n) => ({ n, text: `the work of job ${n}` }));
