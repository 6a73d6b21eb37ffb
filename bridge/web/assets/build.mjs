// Owns the bundling of third-party scripts: node_modules → vendor/. Our own app.js and app.css are served as they are.
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const files = {
  "htmx.org/dist/htmx.min.js": "htmx.min.js",
  "htmx-ext-sse/dist/sse.min.js": "sse.min.js",
};

await mkdir(join(here, "vendor"), { recursive: true });
for (const [from, to] of Object.entries(files)) {
  await copyFile(join(here, "node_modules", from), join(here, "vendor", to));
  console.log(`vendor/${to}`);
}
