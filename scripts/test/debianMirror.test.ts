import { expect, test } from "vitest";
import { debianMirrorIn } from "../lib/postgres/unpackDebian.ts";

test.each([
  ["URIs: http://mirror.example/debian\nSuites: bookworm", "http://mirror.example/debian"],
  ["URIs: https://mirror.example/some/debian/\n", "https://mirror.example/some/debian"],
  ["URIs: http://a.example/ubuntu http://b.example/debian", "http://b.example/debian"],
  ["deb http://mirror.example/debian bookworm main", "http://mirror.example/debian"],
  [
    "deb [arch=amd64 signed-by=/a.gpg] http://c.example/debian/ sid main",
    "http://c.example/debian",
  ],
  [
    "Types: deb\nURIs: http://m.example/debian-security\n\nTypes: deb\nURIs: http://m.example/debian",
    "http://m.example/debian",
  ],
])("finds the Debian mirror in apt's sources %j", (sources, mirror) => {
  expect(debianMirrorIn(sources)).toBe(mirror);
});

test.each([
  "",
  "deb http://mirror.example/ubuntu noble main",
  "# deb http://mirror.example/debian bookworm main",
  "URIs: http://mirror.example/debian-security",
  "deb-src http://mirror.example/debian bookworm main",
])("finds no mirror in apt's sources %j", (sources) => {
  expect(debianMirrorIn(sources)).toBeUndefined();
});
