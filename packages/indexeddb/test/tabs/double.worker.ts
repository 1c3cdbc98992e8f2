// Answers a number with its double, whatever kind of worker it runs in.
const double = ({ data, source, ports }: MessageEvent, to: { postMessage(n: number): void }) =>
  ((source ?? ports[0] ?? to) as typeof to).postMessage(Number(data) * 2);

addEventListener("message", (event) => double(event as MessageEvent, globalThis as never));
addEventListener("connect", (event) => {
  const [port] = (event as MessageEvent).ports;
  if (port) port.onmessage = (message) => double(message, port);
});
