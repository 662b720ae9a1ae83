// Makes one page of the results, which needs nothing else: `node bench/report/build.js RESULTS DETAILS PAGE`.

import { readFile, writeFile } from "node:fs/promises";

const [results, details, page] = process.argv.slice(2);
const read = (file) => readFile(file, "utf8");
const packaged = (file) => read(new URL(`../node_modules/${file}`, import.meta.url));

const scripts = await Promise.all([
  packaged("d3/dist/d3.min.js"),
  packaged("@observablehq/plot/dist/plot.umd.min.js"),
  read(new URL("page.js", import.meta.url)),
]);
const style = await read(new URL("page.css", import.meta.url));
const data = { rows: JSON.parse(await read(results)), ...JSON.parse(await read(details)) };

await writeFile(
  page,
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Latchwork: the locks beside their peers</title>
<style>${style}</style>
</head>
<body>
<main></main>
<script type="application/json" id="data">${escaped(JSON.stringify(data))}</script>
${scripts.map((script) => `<script>${script}</script>`).join("\n")}
</body>
</html>
`,
);

/** No text may end the element that it stands in. */
function escaped(json) {
  return json.replaceAll("<", "\\u003c");
}
