/**
 * Loaded before a program (`node --require`): when it ends, writes into the file that HIGHEST_BUFFERS
 * names how many bytes its buffers held at most, as Node counts them.
 */
const { writeFileSync } = require('node:fs');

let highest = 0;
setInterval(() => {
  highest = Math.max(highest, process.memoryUsage().arrayBuffers);
}, 2).unref();
process.once('exit', () => writeFileSync(process.env.HIGHEST_BUFFERS, String(highest)));
