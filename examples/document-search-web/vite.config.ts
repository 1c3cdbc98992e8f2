import { defaultClientConditions, defineConfig, type Plugin } from "vite";

/** The page asks nobody for anything but its own files. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

/** Only in what is built: the development server puts scripts of its own into the page. */
const contentSecurityPolicy: Plugin = {
  name: "content-security-policy",
  apply: "build",
  transformIndexHtml: () => [
    {
      tag: "meta",
      attrs: { "http-equiv": "Content-Security-Policy", content: POLICY },
      injectTo: "head-prepend",
    },
  ],
};

export default defineConfig({
  // So that it can be put into any folder of a server.
  base: "./",
  // The packages' sources, so that nothing has to be built first.
  resolve: { conditions: ["@workglow/source", ...defaultClientConditions] },
  build: { target: "es2023", assetsInlineLimit: 0 },
  worker: { format: "es" },
  plugins: [contentSecurityPolicy],
});
