/** The person's browser: opens the address and follows it to the callback. The suites ask nobody. */
const answer = await fetch(process.argv[2] ?? '', { headers: { accept: 'text/html' } });
await answer.text();
