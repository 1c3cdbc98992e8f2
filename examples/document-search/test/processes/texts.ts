/** Texts of many languages, and equal ones, whose order is that of their names alone. */
export function* texts(): Generator<[name: string, text: string]> {
  for (let n = 0; n < 40; n++) {
    yield [`${n}.md`, `Note ${n} speaks of topic${n % 7} and of gardens.\n\n`.repeat(20)];
  }
  for (const name of ["a", "B", "Z", "ä", "é", "😀", "ﬀ", "_", "a b"]) {
    yield [`${name}.txt`, "Roses grow in every garden: 'single' and \"double\", \\ and %."];
  }
  yield ["größe.md", "Über Gärten — 庭園について 🌹\u0000 und NUL."];
  yield ["empty.md", "\n"];
}
