// What both test servers share: where they listen, how they tell their address, when they end.

import { createServer } from "node:http";

/** Listens on loopback at a free port and hands back the server and its base URL. */
export async function listen() {
  const server = createServer();
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

/** Prints the one line a test waits for, and ends the process when the test closes our input. */
export function ready(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
  process.stdin.on("end", () => process.exit(0));
  process.stdin.resume();
}

/** Reads a request's body, at most 1 MiB, as text. */
export async function body(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > 1 << 20) throw new Error("the body is larger than 1 MiB");
  }
  return text;
}
