/**
 * Another user of the machine: reads every process's command line, and asks each loopback address that
 * it finds there before the person's browser can. Prints one line of JSON for each answer.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';

/** In the command lines that are meant: other tests open browsers too. */
const [, , meant = ''] = process.argv;
const asked = new Set();

function ask(address, { host = '127.0.0.1', hangsUp = false } = {}) {
  const { port, pathname } = new URL(address);
  const request = `GET ${pathname} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`;
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port), allowHalfOpen: true }, () => {
      // Half closed, the connection is no longer one of those that the system calls established.
      if (hangsUp) socket.end(request);
      else socket.write(request);
    });
    let text = '';
    socket.on('data', (part) => {
      text += part;
    });
    socket.on('error', (error) => resolve(error.code));
    socket.on('end', () => {
      socket.end();
      resolve(text);
    });
  });
}

async function look() {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    let words = '';
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    } catch {} // gone
    if (!words.includes(meant)) continue;
    for (const [address] of words.matchAll(
      /http:\/\/(?:127\.0\.0\.1|localhost):\d+\/open\/[\w-]+/g,
    )) {
      if (asked.has(address)) continue;
      asked.add(address);
      const ways = [{}, { hangsUp: true }, { host: '::1' }, {}];
      for (const way of ways) {
        const answer = await ask(address, way);
        process.stdout.write(`${JSON.stringify({ address, way, answer })}\n`);
      }
      process.stdout.write(`${JSON.stringify({ done: address })}\n`);
    }
  }
  setTimeout(look, 5);
}

process.stdout.write(`${JSON.stringify({ user: process.getuid() })}\n`);
look();
