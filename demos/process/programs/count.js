// cargo run -p process -- node demos/process/programs/count.js
const lines = require("node:readline").createInterface({ input: process.stdin });
let number = 0;
lines.on("line", (line) => console.log(++number, line));
