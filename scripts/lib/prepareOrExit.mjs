import { prepare, SetupError } from "./prepare.mjs";

/**
 * Prepares the checkout; ends the process with a plain message where that fails.
 *
 * @param {NodeJS.WritableStream} stream where to say what is being done
 * @param {string} [lastWords] a line for the same stream where it failed
 */
export async function prepareOrExit(stream, lastWords) {
  try {
    await prepare((line) => stream.write(`${line}\n`));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    if (lastWords) stream.write(`${lastWords}\n`);
    process.exit(1);
  }
}
