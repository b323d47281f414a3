/**
 * Loaded before a program (`node --require`): at SIGUSR2, adds to the file that PROMISES_MADE names a
 * line with how many promises there have been so far.
 */
const { appendFileSync } = require('node:fs');
const { promiseHooks } = require('node:v8');

let made = 0;
promiseHooks.onInit(() => {
  made += 1;
});
process.on('SIGUSR2', () => appendFileSync(process.env.PROMISES_MADE, `${made}\n`));
